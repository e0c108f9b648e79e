package verifyreport

import (
	"bt/inspect"
	"bt/internal/term"
)

// ProofText says how a file that was found elsewhere is proven.
func ProofText(f inspect.Found) string {
	text := map[inspect.Proof]string{
		inspect.ProofRoot: "proven by its root", inspect.ProofPieces: "proven by its pieces",
		inspect.ProofShared: "proven by pieces shared with other files", inspect.ProofEmpty: "empty, as any other",
	}[f.Proof]
	if f.Unproven > 0 {
		text += ", but for " + count(int(f.Unproven), "byte") + " at its ends"
	}
	return text
}

// ReasonText says why a file is ambiguous.
func ReasonText(r inspect.Reason) string {
	return map[inspect.Reason]string{
		inspect.ReasonShared:   "only in pieces shared with missing or damaged files",
		inspect.ReasonDiffer:   "they differ in bytes that can't be proven",
		inspect.ReasonLimit:    "not decided: too many to try all",
		inspect.ReasonDisagree: "the v2 hash is right, the v1 hashes are not",
	}[r]
}

// moreCandidates says how many candidates there are beyond the first listed ones, or "".
func moreCandidates(m inspect.Maybe, listed int) string {
	if more := m.Count - listed; more > 0 {
		return "... and " + term.Count(int64(more)) + " more"
	}
	return ""
}
