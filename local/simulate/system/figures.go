package system

import (
	"context"
	"maps"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
)

// figuresCache is a settlement store that reads figures from the tables only once. Figures are
// stored under the hash of their content and never change; decoding them would take most of the
// time of a run. A cached read still takes simulated time, so that other tasks run in between.
type figuresCache struct {
	settlement.Store
	world *engine.World
	read  map[figuresKey]settlement.Figures
}

// figuresKey identifies stored figures.
type figuresKey struct {
	tenant   ident.Tenant
	id, hash string
}

// Apply writes a change and caches its figures. One in sixteen figures, by the first digit of the
// hash, is not cached, so that decoding from the table is tested too.
func (r figuresCache) Apply(ctx context.Context, c settlement.Change) error {
	err := r.Store.Apply(ctx, c)
	if f := c.Figures; err == nil && f != nil && f.Hash[0] != '0' {
		r.read[figuresKey{f.Tenant, string(f.Settlement), f.Hash}] = *f
	}
	return err
}

// Figures reads figures by their hash.
func (r figuresCache) Figures(ctx context.Context, tenant ident.Tenant, id,
	hash string) (settlement.Figures, error) {
	name := figuresKey{tenant, id, hash}
	if f, known := r.read[name]; known {
		return f, r.pause(ctx)
	}
	f, err := r.Store.Figures(ctx, tenant, id, hash)
	if err == nil {
		r.read[name] = f
	}
	return f, err
}

// FiguresOf reads all figures that some settlements refer to, by settlement and hash.
func (r figuresCache) FiguresOf(ctx context.Context,
	page []settlement.Settlement) (map[string]map[string]settlement.Figures, error) {
	out := map[string]map[string]settlement.Figures{}
	var unknown []settlement.Settlement
	for _, s := range page {
		fs := map[string]settlement.Figures{}
		for _, hash := range s.FigureHashes() {
			if f, known := r.read[figuresKey{s.Tenant, s.ID, hash}]; known {
				fs[hash] = f
			}
		}
		if len(fs) < len(s.FigureHashes()) {
			unknown = append(unknown, s)
			continue
		}
		out[s.ID] = fs
	}
	if len(unknown) == 0 {
		return out, r.pause(ctx)
	}
	fresh, err := r.Store.FiguresOf(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for _, s := range unknown {
		for hash, f := range fresh[s.ID] {
			r.read[figuresKey{s.Tenant, s.ID, hash}] = f
		}
	}
	maps.Copy(out, fresh)
	return out, nil
}

// pause lets the task wait as long as a read of DynamoDB takes.
//
// Errors: engine.ErrKilled when the task was killed.
func (r figuresCache) pause(ctx context.Context) error {
	t := engine.TaskOf(ctx)
	if t == nil {
		return nil
	}
	if t.Killed {
		return engine.ErrKilled
	}
	r.world.Sleep(t, r.world.DurationBetween(500*time.Microsecond, 6*time.Millisecond))
	return nil
}
