package engine

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Streams carry the changes of tables to the functions that read DynamoDB streams: the changes of
// one item in order, batch by batch. A batch is repeated until it succeeds; in some cases a batch
// that succeeded comes again, or a batch is given up.
type Streams struct {
	w       *World
	streams []*stream
}

// stream is the DynamoDB stream of one table.
type stream struct {
	name, table string
	history     []events.DynamoDBEventRecord // all changes of the table since the start of the run
	shards      [4]shard
	// records that were given up; an operator finds their positions in a dead-letter queue
	lost   []events.DynamoDBEventRecord
	handle func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)
}

// shard is one shard of a stream; all changes of a partition key go to the same shard.
type shard struct {
	waiting []events.DynamoDBEventRecord
	busy    bool
}

// AddReader has the changes of a table delivered to a function.
func (s *Streams) AddReader(name, table string,
	handle func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)) {
	s.streams = append(s.streams, &stream{name: name, table: table, handle: handle})
}

// History returns all changes that the stream of a table ever carried, oldest first.
func (s *Streams) History(table string) []events.DynamoDBEventRecord {
	for _, st := range s.streams {
		if st.table == table {
			return st.history
		}
	}
	return nil
}

// CollectWrites moves the changes that were just written from the tables to the shards of their
// streams.
func (s *Streams) CollectWrites() {
	for _, st := range s.streams {
		fresh := s.w.DB.TakeStreamRecords(st.table)
		if st.table == SettlementsTable && s.w.Lag.isBehind() {
			s.w.Lag.recordWrites(fresh)
		}
		for _, r := range fresh {
			// the partition key decides the shard, so that the changes of an item stay in order
			h := fnv.New32a()
			_, _ = h.Write([]byte(r.Change.Keys["pk"].String()))
			n := int(h.Sum32() % uint32(len(st.shards)))
			st.shards[n].waiting = append(st.shards[n].waiting, r)
		}
		st.history = append(st.history, fresh...)
		if len(fresh) > 0 {
			for n := range st.shards {
				s.scheduleRead(st, n)
			}
		}
	}
}

// scheduleRead schedules the next delivery of a shard within a second, in some cases within 40
// minutes.
func (s *Streams) scheduleRead(st *stream, n int) {
	sh := &st.shards[n]
	if sh.busy || len(sh.waiting) == 0 {
		return
	}
	sh.busy = true
	delay := s.w.DurationBetween(5*time.Millisecond, time.Second)
	if s.w.Faults.Chance(80, FaultDelay) {
		delay = s.w.DurationBetween(time.Minute, 40*time.Minute)
	}
	s.w.RunAfter(delay, func() { s.deliver(st, n) })
}

// streamBatch is the largest number of records in one delivery.
const streamBatch = 20

// deliver hands the next batch of a shard to the function that reads the stream, or gives the
// batch up, as Lambda does after the last retry.
func (s *Streams) deliver(st *stream, n int) {
	w, sh := s.w, &st.shards[n]
	batch := sh.waiting[:min(len(sh.waiting), streamBatch)]
	if w.Faults.Chance(120, FaultLostRecord) {
		w.Trace.Printf("lost", "%s: %d records given up, first %s", st.name, len(batch),
			batch[0].Change.Keys["pk"].String())
		st.lost = append(st.lost, batch...)
		sh.waiting, sh.busy = sh.waiting[len(batch):], false
		s.scheduleRead(st, n)
		return
	}
	w.Delivered += len(batch)
	var err error
	w.StartTask(w.NewTask(st.name, ""), func(ctx context.Context) {
		_, err = st.handle(ctx,
			events.DynamoDBEvent{Records: append([]events.DynamoDBEventRecord(nil), batch...)})
	}, func(killed bool) {
		sh.busy = false
		// a batch stays in the shard until the function has handled it, and in some cases longer
		if err == nil && !killed && !w.Faults.Chance(40, FaultDuplicate) {
			sh.waiting = sh.waiting[len(batch):]
		}
		s.scheduleRead(st, n)
	})
}

// WriteCount returns how many items were written to tables with a stream.
func (s *Streams) WriteCount() int {
	n := 0
	for _, st := range s.streams {
		n += len(st.history)
	}
	return n
}

// ReplayLost delivers the records that were given up once more, as an operator does after an
// incident, and returns how many there were.
func (s *Streams) ReplayLost() int {
	sum := 0
	for _, st := range s.streams {
		st.shards[0].waiting = append(st.shards[0].waiting, st.lost...)
		sum += len(st.lost)
		st.lost = nil
		s.scheduleRead(st, 0)
	}
	return sum
}

// IsIdle reports whether no record waits in any stream.
func (s *Streams) IsIdle() bool {
	for _, st := range s.streams {
		for n := range st.shards {
			if len(st.shards[n].waiting) > 0 {
				return false
			}
		}
	}
	return true
}
