package krpc

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strings"
	"testing"
)

// The test vector of BEP 33.
const filterVector = `
	F6C3F5EA A07FFD91 BDE89F77 7F26FB2B FF37BDB8 FB2BBAA2 FD3DDDE7 BACFFF75 EE7CCBAE
	FE5EEDB1 FBFAFF67 F6ABFF5E 43DDBCA3 FD9B9FFD F4FFD3E9 DFF12D1B DF59DB53 DBE9FA5B
	7FF3B8FD FCDE1AFB 8BEDD7BE 2F3EE71E BBBFE93B CDEEFE14 8246C2BC 5DBFF7E7 EFDCF24F
	D8DC7ADF FD8FFFDF DDFFF7A4 BBEEDF5C B95CE81F C7FCFF1F F4FFFFDF E5F7FDCB B7FD79B3
	FA1FC77B FE07FFF9 05B7B7FF C7FEFEFF E0B8370B B0CD3F5B 7F2BD93F EB4386CF DD6F7FD5
	BFAF2E9E BFFFFEEC D67ADBF7 C67F17EF D5D75EBA 6FFEBA7F FF47A91E B1BFBB53 E8ABFB57
	62ABE8FF 237279BF EFBFEEF5 FFC5FEBF DFE5ADFF ADFEE1FB 737FFFFB FD9F6AEF FEEE76B6
	FD8F72EF`

func TestFilter(t *testing.T) {
	insert := func(f *Filter, first string, n int) {
		for ip := netip.MustParseAddr(first); n > 0; n-- {
			f.Insert(ip)
			ip = ip.Next()
		}
	}
	var v4, v6 Filter
	insert(&v4, "192.0.2.0", 256)
	insert(&v6, "2001:db8::", 1000)
	all := v4
	all.Union(&v6)
	if got, want := strings.ToUpper(hex.EncodeToString(all[:])), strings.Join(strings.Fields(filterVector), ""); got != want {
		t.Errorf("the filter is %s", got)
	}
	if got := all.Estimate(); math.Abs(got-1224.9308) > 0.0001 {
		t.Errorf("the estimate is %f", got)
	}
	if ip := netip.MustParseAddr("192.0.2.77"); !v4.Contains(ip) || v6.Contains(ip) {
		t.Error("Contains is wrong")
	}
}

func TestEstimateLimits(t *testing.T) {
	var f Filter
	if got := f.Estimate(); got != 0 {
		t.Errorf("an empty filter is estimated at %f", got)
	}
	f.Insert(netip.MustParseAddr("192.168.1.1"))
	if got := f.Estimate(); math.Round(got) != 1 {
		t.Errorf("one address is estimated at %f", got)
	}
	for i := range f {
		f[i] = 0xff
	}
	if got := f.Estimate(); math.IsInf(got, 0) || got < 6000 {
		t.Errorf("a full filter is estimated at %f", got)
	}
}
