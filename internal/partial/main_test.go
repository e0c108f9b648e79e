package partial

import (
	"testing"

	"bt/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
