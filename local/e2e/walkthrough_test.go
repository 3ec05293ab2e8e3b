package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestWalkThroughAMonth has the demonstration play its month on this stack: every kind of hold, a dispute, a set-off, a
// true-up, a payment that comes back, a sealed period. It moves the business date and so comes last.
func TestWalkThroughAMonth(t *testing.T) {
	s := use(t)
	cmd := exec.CommandContext(t.Context(), "go", "run", "./local/demo", "-only", "month", "-env", os.Getenv(environment))
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), " 0 fen unexplained") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := s.setDate(t.Context()); err != nil {
		t.Error(err)
	}
}
