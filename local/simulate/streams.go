package main

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// streams carry the changes of tables to the functions that read them: in order for each item,
// batch by batch, each batch until it is taken, now and then twice, and sometimes given up.
type streams struct {
	w   *world
	all []*stream
}

type stream struct {
	name, table string
	all         []events.DynamoDBEventRecord // everything that the table's stream ever carried
	shards      [4]shard
	// given up; an operator finds their places in a queue and has them read again
	lost   []events.DynamoDBEventRecord
	handle func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)
	loses  bool
}

type shard struct {
	waiting []events.DynamoDBEventRecord
	busy    bool
}

// look takes up what was written since.
func (s *streams) look() {
	for _, st := range s.all {
		fresh := s.w.db.Stream(st.table)
		if st.table == settlementsTable && s.w.lag.lagging() {
			s.w.lag.note(fresh)
		}
		for _, r := range fresh {
			h := fnv.New32a()
			_, _ = h.Write([]byte(r.Change.Keys["pk"].String()))
			n := int(h.Sum32() % uint32(len(st.shards)))
			st.shards[n].waiting = append(st.shards[n].waiting, r)
		}
		st.all = append(st.all, fresh...)
		if len(fresh) > 0 {
			for n := range st.shards {
				s.wake(st, n)
			}
		}
	}
}

// wake has a shard read soon.
func (s *streams) wake(st *stream, n int) {
	sh := &st.shards[n]
	if sh.busy || len(sh.waiting) == 0 {
		return
	}
	sh.busy = true
	delay := s.w.s.between(5*time.Millisecond, time.Second)
	if s.w.faults.chance(80, faultDelay) {
		delay = s.w.s.between(time.Minute, 40*time.Minute)
	}
	s.w.s.after(delay, func() { s.deliver(st, n) })
}

const streamBatch = 20

func (s *streams) deliver(st *stream, n int) {
	w, sh := s.w, &st.shards[n]
	batch := sh.waiting[:min(len(sh.waiting), streamBatch)]
	if st.loses && w.faults.chance(120, faultRecord) {
		w.trace.add("lost", "%s: %d records given up, first %s", st.name, len(batch),
			batch[0].Change.Keys["pk"].String())
		st.lost = append(st.lost, batch...)
		sh.waiting, sh.busy = sh.waiting[len(batch):], false
		s.wake(st, n)
		return
	}
	w.delivered += len(batch)
	var err error
	w.s.begin(w.task(st.name, ""), func(ctx context.Context) {
		_, err = st.handle(ctx,
			events.DynamoDBEvent{Records: append([]events.DynamoDBEventRecord(nil), batch...)})
	}, func(killed bool) {
		sh.busy = false
		if err == nil && !killed && !w.faults.chance(40, faultDuplicate) {
			sh.waiting = sh.waiting[len(batch):]
		}
		s.wake(st, n)
	})
}

// written is how many changes there were.
func (s *streams) written() int {
	n := 0
	for _, st := range s.all {
		n += len(st.all)
	}
	return n
}

// replay reads what was given up once more.
func (s *streams) replay() int {
	sum := 0
	for _, st := range s.all {
		st.shards[0].waiting = append(st.shards[0].waiting, st.lost...)
		sum += len(st.lost)
		st.lost = nil
		s.wake(st, 0)
	}
	return sum
}

func (s *streams) idle() bool {
	for _, st := range s.all {
		for n := range st.shards {
			if len(st.shards[n].waiting) > 0 {
				return false
			}
		}
	}
	return true
}
