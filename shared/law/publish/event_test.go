package publish

import (
	"encoding/json"
	"testing"
	"time"
)

// Others subscribe to TaxPolicyUpdatedEvent: its fields keep their names and forms.
func TestTheEventKeepsItsForm(t *testing.T) {
	at := time.Date(2026, 11, 30, 2, 0, 0, 123e6, time.UTC)
	full := Event{Pack: "cn", Version: "1.2.0", SHA256: "0a0b", Act: "rules.activated", Active: "1.2.0", Before: "1.1.0", Shadow: "1.3.0", Rev: 7, At: at}
	least := Event{Pack: "cn", Version: "1.2.0", Act: "rules.revoked", At: at}
	for want, e := range map[string]Event{
		`{"pack":"cn","version":"1.2.0","sha256":"0a0b","act":"rules.activated","active":"1.2.0","before":"1.1.0","shadow":"1.3.0","rev":7,"at":"2026-11-30T02:00:00.123Z"}`: full,
		`{"pack":"cn","version":"1.2.0","act":"rules.revoked","active":"","before":"","rev":0,"at":"2026-11-30T02:00:00.123Z"}`:                                              least,
	} {
		if got, err := json.Marshal(e); err != nil || string(got) != want {
			t.Errorf("%s, %v; subscribers know %s", got, err, want)
		}
	}
}
