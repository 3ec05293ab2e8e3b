package master_test

import (
	"context"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/master"
	"fenzhang/shared/master/mastertest"
	"fenzhang/shared/tenancy"
)

var instant = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

func by(subject string) master.Caller {
	return master.Caller{Principal: identity.Principal{Tenant: "demo", Subject: subject}}
}

const (
	entity = `{"entity_id": "e1", "from": "2026-01-01", "name": "星河传媒", "uscc": "91330106MA2CFLDG4R",
		"place": "330106", "place_tier": "city", "vat": "general"}`
	renamed = `{"from": "2026-06-01", "version": 1, "name": "新星河传媒", "uscc": "91330106MA2CFLDG4R",
		"place": "330106", "place_tier": "city", "vat": "general"}`
)

func TestAnObjectIsCreatedOnceAndChangedByItsVersion(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		ctx := context.Background()
		s := mastertest.Open(t, l, instant).Service
		if found, err := s.Problems(ctx, by("admin"), tenancy.KindEntity, []byte(entity)); err != nil ||
			len(found) > 0 {
			t.Fatalf("problems of a good document: %v %v", found, err)
		}
		for i := range 2 { // the same document again finds the object that it made
			answer, err := s.Create(ctx, by("admin"), tenancy.KindEntity, []byte(entity))
			if err != nil || answer.Repeated != (i == 1) {
				t.Fatalf("create %d: %+v %v", i, answer, err)
			}
		}
		if _, err := s.Create(ctx, by("admin"), tenancy.KindEntity,
			[]byte(`{"entity_id": "e1",`+
				renamed[len(`{"from": "2026-06-01", "version": 1,`):])); !fault.HasCode(err,
			fault.OtherContent) {
			t.Errorf("other content under the same id: %v", err)
		}
		for i := range 2 { // the same change again is answered without a third version
			answer, err := s.Change(ctx, by("admin"), tenancy.KindEntity, "e1", []byte(renamed))
			if err != nil || answer.Repeated != (i == 1) {
				t.Fatalf("change %d: %+v %v", i, answer, err)
			}
		}
		if _, err := s.Change(ctx, by("other"), tenancy.KindEntity, "e1",
			[]byte(`{"from": "2026-07-01",`+renamed[len(`{"from": "2026-06-01",`):])); !fault.HasCode(err,
			fault.StaleVersion) {
			t.Errorf("a change of a version that is not the newest: %v", err)
		}
		if _, err := s.Change(ctx, by("admin"), tenancy.KindEntity, "e2",
			[]byte(renamed)); !fault.HasCode(err, fault.NotFound) {
			t.Errorf("a change of nothing: %v", err)
		}
		for day, name := range map[civil.Date]string{civil.NewDate(2026, 5, 31): "星河传媒",
			civil.NewDate(2026, 6, 1): "新星河传媒"} {
			found, err := s.Read(ctx, "demo", tenancy.KindEntity, "e1", day)
			if e, ok := found.(tenancy.PayingEntity); err != nil || !ok || e.Name != name {
				t.Errorf("on %s: %+v %v", day, found, err)
			}
		}
		if _, err := s.Read(ctx, "demo", tenancy.KindEntity, "e1",
			civil.NewDate(2025, 12, 31)); !fault.HasCode(err, fault.NotFound) {
			t.Errorf("before the first day: %v", err)
		}
	})
}

func TestProblemsAreListedTogether(t *testing.T) {
	s := mastertest.Open(t, dynamotest.OpenInMemory(t), instant).Service
	found, err := s.Problems(context.Background(), by("admin"), tenancy.KindEntity,
		[]byte(`{"by": "me", "name": "", "uscc": "x", "place": "990000", "place_tier": "village", "vat": "none"}`))
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	for _, f := range found {
		if fields[f.Field] {
			t.Errorf("%s is reported twice", f.Field)
		}
		fields[f.Field] = true
	}
	for _, name := range []string{"by", "name", "uscc", "place", "place_tier", "vat"} {
		if !fields[name] {
			t.Errorf("%s is not reported: %v", name, found)
		}
	}
}
