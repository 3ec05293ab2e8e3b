package settlement_test

import (
	"testing"

	"fenzhang/shared/settlement"
)

func TestConstructorsNameTheMissingParts(t *testing.T) {
	for name, tt := range map[string]struct {
		make func() error
		want string
	}{
		"service": {func() error { _, err := settlement.New(settlement.Parts{}); return err },
			"settlement.Service is incomplete, these parts are missing: Calendar, Clock, Directory, NewID, Store"},
		"taxes": {func() error { _, err := settlement.NewTaxes(nil, nil, nil); return err },
			"settlement.Taxes is incomplete, these parts are missing: rules, service"},
		"advancer": {func() error {
			_, err := settlement.NewAdvancer(nil, nil, nil, settlement.Opening{}.PayOn)
			return err
		}, "settlement.Advancer is incomplete, these parts are missing: enqueue, log, service"},
		"merging": {func() error { _, err := settlement.NewMerging(nil, nil, nil); return err },
			"settlement.Merging is incomplete, these parts are missing: entities, service, store"},
		"shadows": {func() error { _, err := settlement.NewShadows(nil, nil); return err },
			"settlement.Shadows is incomplete, these parts are missing: log, store"},
	} {
		if err := tt.make(); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
