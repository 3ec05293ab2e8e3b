package settlement

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"fenzhang/shared/clock"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
)

// overwritten is a store whose first write is done, but its answer is lost and a rival writes over it.
type overwritten struct {
	Store
	now  Settlement
	acts []string
}

func (o *overwritten) Load(context.Context, ident.Tenant, ident.Settlement) (Settlement, error) {
	return o.now, nil
}

func (o *overwritten) Apply(_ context.Context, c Change) error {
	o.acts = append(o.acts, c.New.Last.ID)
	o.now = c.New
	if len(o.acts) == 1 {
		o.now = o.now.withAct(Act{ID: "rival"}, time.UnixMilli(2))
		return optimistic.ErrRival
	}
	return nil
}

// No two writes bear the same act: each has its own audit record.
func TestATryAfterARivalIsAnActOfItsOwn(t *testing.T) {
	store, ids := &overwritten{now: Settlement{Opening: Opening{ID: "s", Tenant: "t"}, Status: Failed, StatusVersion: 1}}, 0
	s := &Service{Parts: Parts{Store: store, Clock: clock.Clock{Now: func() time.Time { return time.UnixMilli(1) }}, NewID: func() string { ids++; return strconv.Itoa(ids) }}}
	_, err := s.decideAndApply(t.Context(), Intent{ID: "s", By: identity.Principal{Tenant: "t", Subject: "finance@t", Roles: []identity.Role{identity.Finance}}}, "settlement.noted",
		settlementChange(func(st Settlement, a Act) (Settlement, error) { return st.withAct(a, time.UnixMilli(3)), nil }))
	if err != nil || !slices.Equal(store.acts, []string{"1", "2"}) {
		t.Errorf("written by acts %v: %v", store.acts, err)
	}
}
