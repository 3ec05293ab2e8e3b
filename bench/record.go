package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fenzhang/local/runtimeapi"
)

// recordSection compares record-incentive with a straightforward handler in Go and with one in
// Python.
func recordSection(ctx context.Context, b *bench) ([]row, error) {
	plain, err := b.build(ctx, "./bench/plain")
	if err != nil {
		return nil, err
	}
	ours, err := b.build(ctx, "./functions/record-incentive")
	if err != nil {
		return nil, err
	}
	cases := recordCases(plain, ours)
	peer, peerErr := peerBootstrap(".")
	if peerErr == nil { // next to the cases with which it is compared
		inPython := load{binary: peer, inFlight: 1, batch: 1}
		cases = slices.Insert(cases, 2, recordCase{"peer in Python, one at a time", inPython, 0, 0})
	}
	got, err := measureThroughput(ctx, b, cases)
	if err != nil {
		return nil, err
	}
	against := row{what: ratioTo + "the peer in Python", goal: ">= 3.2"}
	if peerErr == nil {
		against = ratioRow("the peer in Python", got[1], got[2], 3.2)
	} else {
		against.measured = "skipped: " + peerErr.Error()
	}
	rows := []row{ratioRow("the plain handler", got[1], got[0], 1.3), against}
	for i, all := range got {
		rows = append(rows, medianByRate(all).rows(cases[i])...)
	}
	late, err := measureLatency(ctx, b, ours)
	return append(rows, late...), err
}

// recordCases returns the loads of both handlers in Go, with the goals of record-incentive.
func recordCases(plain, ours string) []recordCase {
	return []recordCase{
		{"plain handler, one at a time", load{binary: plain, inFlight: 1, batch: 1}, 0, 0},
		{"record-incentive, one at a time", load{binary: ours, inFlight: 1, batch: 1}, 2600, 45},
		{"plain handler, 32 in flight", load{binary: plain, inFlight: 32, batch: 1}, 0, 0},
		{"record-incentive, 32 in flight", load{binary: ours, inFlight: 32, batch: 1}, 3600, 45},
		{"record-incentive, batches of 100, one at a time", load{binary: ours, inFlight: 1, batch: 100},
			8000, 45},
	}
}

// peerBootstrap returns the program that runs the Python handler.
//
// Errors: an error that says how to install what the handler needs.
func peerBootstrap(root string) (string, error) {
	if _, err := os.Stat(filepath.Join(root, ".local", "venv-peer", "complete")); err != nil {
		return "", errors.New("no virtual environment at .local/venv-peer; " +
			"`go run ./local/stack tools peer` installs it")
	}
	return filepath.Abs(filepath.Join(root, "bench", "peer", "bootstrap"))
}

// ratioTo begins the rows that compare record-incentive with another handler.
const ratioTo = "requests per CPU-second of record-incentive, one at a time, against "

// ratioRow compares the requests per CPU-second of record-incentive with those of another handler:
// the ratio is computed for each round, and the median counts.
func ratioRow(other string, ours, theirs []*measurement, goal float64) row {
	all := make([]float64, len(ours))
	for i := range ours {
		all[i] = ours[i].rate() / theirs[i].rate()
	}
	slices.Sort(all)
	// the median of the rounds
	times := all[len(all)/2]
	text := fmt.Sprintf("%.2f times (%.2f to %.2f)", times, all[0], all[len(all)-1])
	return row{ratioTo + other, fmt.Sprintf(">= %.1f", goal), text, atLeast(times, goal)}
}

// measureLatency measures, at a rate far below the limit, how long after its due time a request is
// answered.
func measureLatency(ctx context.Context, b *bench, binary string) ([]row, error) {
	var rows []row
	for _, inFlight := range []int{1, 32} {
		steady := load{binary: binary, inFlight: inFlight, batch: 1, perSecond: 300, seconds: b.seconds}
		got, err := steady.measure(ctx)
		if err != nil {
			return nil, err
		}
		p99 := got.percentile(99)
		rows = append(rows, row{
			fmt.Sprintf("record-incentive at 300 requests a second, at most %d in flight: p99 from its "+
				"due time to its answer", inFlight),
			"<= 20 ms", fmt.Sprintf("%.1f ms (p50 %.1f ms)", milliseconds(p99),
				milliseconds(got.percentile(50))),
			atMost(milliseconds(p99), 20),
		})
	}
	return rows, nil
}

// recordCase is one measurement of throughput with its goals: events per CPU-second, and megabytes
// of memory.
type recordCase struct {
	what         string
	load         load
	goal, memory float64
}

// rounds is how often each throughput is measured. The cases alternate, so that other load of the
// machine affects all of them; the median counts.
const rounds = 5

// measureThroughput returns the measurements of each case, one for each round.
func measureThroughput(ctx context.Context, b *bench,
	cases []recordCase) ([][]*measurement, error) {
	got := make([][]*measurement, len(cases))
	for range rounds {
		for i, c := range cases {
			c.load.seconds = b.seconds / rounds
			m, err := c.load.measure(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.what, err)
			}
			got[i] = append(got[i], m)
		}
	}
	return got, nil
}

// medianByRate returns the measurement with the median rate.
func medianByRate(all []*measurement) *measurement {
	byRate := func(a, b *measurement) int { return cmp.Compare(a.rate(), b.rate()) }
	sorted := slices.SortedFunc(slices.Values(all), byRate)
	return sorted[len(sorted)/2]
}

// rate returns the requests per CPU-second.
func (m *measurement) rate() float64 { return float64(m.requests) / m.cpu.Seconds() }

// milliseconds returns a duration in milliseconds.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// build builds the binary of a function for this machine.
func (b *bench) build(ctx context.Context, pkg string, tags ...string) (string, error) {
	return b.compile(ctx, "here", pkg, append(tags, "lambda.norpc"))
}

// buildDeployed builds the binary of a function for the template's default architecture, as it is
// deployed.
func (b *bench) buildDeployed(ctx context.Context, pkg string) (string, error) {
	return b.compile(ctx, "deployed", pkg, []string{"lambda.norpc", "nethttpomithttp2"}, "GOOS=linux",
		"GOARCH=arm64")
}

// compile builds a package into a folder and returns the path of the binary.
func (b *bench) compile(ctx context.Context, folder, pkg string, tags []string,
	env ...string) (string, error) {
	out := filepath.Join(b.dir, folder, filepath.Base(pkg), "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", strings.Join(tags, ","), "-trimpath",
		"-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", out, pkg)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return out, nil
}

// load is the load under which one binary is measured.
type load struct {
	binary    string
	inFlight  int
	batch     int
	perSecond int // requests per second; 0: as many as the function answers
	seconds   time.Duration
}

// measurement is the result of a load.
type measurement struct {
	requests int
	wall     time.Duration
	cpu      time.Duration // CPU time of the function's process
	resident int64         // highest resident memory in bytes
	took     []time.Duration
}

// warmUp is how long the function runs before the measurement, to fill its caches and its heap.
const warmUp = 1500 * time.Millisecond

// measure starts the function and measures it under the load.
func (l load) measure(ctx context.Context) (*measurement, error) {
	db, err := newEndpoint(ctx)
	if err != nil {
		return nil, err
	}
	defer db.close()
	api, err := runtimeapi.Start(ctx, benchFunction)
	if err != nil {
		return nil, err
	}
	defer api.Close()
	p, err := startFunction(ctx, l.binary, api.Addr, db.url, l.inFlight)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	if err := p.awaitPoll(ctx, api); err != nil {
		return nil, err
	}
	return l.measureRunning(ctx, api, p)
}

// measureRunning sends events to a running function and measures between two readings of its CPU
// time.
//
// Errors: an error when an answer is wrong.
func (l load) measureRunning(ctx context.Context, api *runtimeapi.API,
	p *process) (*measurement, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var c answerCounter
	go l.sendEvents(ctx, api, c.countAnswer)
	// answers during the warm-up are checked and not counted
	if err := sleep(ctx, warmUp); err != nil {
		return nil, err
	}
	cpu, err := p.cpuTime()
	if err != nil {
		return nil, err
	}
	c.setCounting(true)
	began := time.Now()
	if err := sleep(ctx, l.seconds); err != nil {
		return nil, err
	}
	c.setCounting(false)
	m := &c.counted
	m.wall = time.Since(began)
	after, err := p.cpuTime()
	if err != nil {
		return nil, err
	}
	m.cpu = after - cpu
	m.resident, err = p.peakMemory()
	if n := c.wrong.Load(); n > 0 {
		return nil, fmt.Errorf("%d wrong answers, the first: %v; the function says: %s", n,
			c.firstWrong.Load(), p.log.text())
	}
	return m, err
}

// answerCounter counts answers while counting is on, and wrong answers at any time.
type answerCounter struct {
	wrong      atomic.Int64
	firstWrong atomic.Value

	mu       sync.Mutex
	counting bool
	counted  measurement
}

// countAnswer checks an answer and counts it.
func (c *answerCounter) countAnswer(answer runtimeapi.Answer) {
	if status := answerStatus(answer.Body); answer.Failed || status != 200 && status != 201 {
		c.wrong.Add(1)
		c.firstWrong.CompareAndSwap(nil, strconv.Itoa(status)+" "+string(answer.Body))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counting {
		c.counted.requests++
		c.counted.took = append(c.counted.took, answer.Took)
	}
}

// setCounting switches the counting on or off.
func (c *answerCounter) setCounting(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counting = on
}

// sleep waits for a duration, or returns the error of ctx when ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// sendEvents sends events to the Runtime API, at the given rate or whenever the function asks for
// one.
func (l load) sendEvents(ctx context.Context, api *runtimeapi.API, done func(runtimeapi.Answer)) {
	var tick <-chan time.Time
	if l.perSecond > 0 {
		t := time.NewTicker(time.Second / time.Duration(l.perSecond))
		defer t.Stop()
		tick = t.C
	}
	for n := 0; ; n++ {
		event := runtimeapi.Event{Payload: gatewayEvent(n, l.batch), Done: done}
		if tick != nil {
			select {
			case <-ctx.Done():
				return
			case event.Due = <-tick:
			}
			go func() { // a slow answer must not delay the next event
				select {
				case <-ctx.Done():
				case api.Events() <- event:
				}
			}()
			continue
		}
		select {
		case <-ctx.Done():
			return
		case api.Events() <- event:
		}
	}
}

// answerStatus returns the status code of a gateway answer without decoding the answer.
func answerStatus(body []byte) int {
	_, rest, _ := strings.Cut(string(body[:min(len(body), 400)]), `"statusCode":`)
	rest = strings.TrimLeft(rest, " ")
	n, _ := strconv.Atoi(rest[:min(3, len(rest))])
	return n
}

// gatewayEvent returns the event of API Gateway for the n-th call. The callers have different
// addresses, because each address has its own rate limit.
func gatewayEvent(n, batch int) []byte {
	body := eventBody(n)
	if batch > 1 {
		all := make([]string, batch)
		for i := range all {
			all[i] = eventBody(n*batch + i)
		}
		body = `{"events":[` + strings.Join(all, ",") + `]}`
	}
	return gatewayCall(n, body)
}

// gatewayCall returns the event of API Gateway with a body.
func gatewayCall(n int, body string) []byte {
	quoted, _ := json.Marshal(body) // encoding a string cannot fail
	source := fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
	return fmt.Appendf(nil, gatewayFrame, source, time.Now().Add(time.Hour).Unix(), source, n,
		time.Now().UnixMilli(), quoted)
}

// gatewayFrame is an event of API Gateway with places for the caller's address, the expiry of the
// token, the number of the call, the time and the body.
const gatewayFrame = `{"version":"2.0","routeKey":"POST /api/v1/incentive/record",` +
	`"rawPath":"/api/v1/incentive/record","rawQueryString":"",` +
	`"headers":{"accept":"application/json","accept-encoding":"gzip","authorization":"Bearer ` +
	`eyJhbGciOiJIUzI1NiIsImtpZCI6ImJlbmNoIn0.` +
	`eyJpc3MiOiJiZW5jaCIsInN1YiI6Im9wZXJhdG9yQGJlbmNoIiwidGVuYW50IjoiYmVuY2gifQ.` +
	`c2lnbmF0dXJlLW9mLXRoZS1iZW5jaC10b2tlbg",` +
	`"content-length":"260","content-type":"application/json","host":"api.example.com",` +
	`"user-agent":"mcn-loader/1.0","x-amzn-trace-id":"Root=1-67891233-abcdef012345678912345678",` +
	`"x-forwarded-for":"%s","x-forwarded-port":"443","x-forwarded-proto":"https",` +
	`"x-tenant-id":"bench","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},` +
	`"requestContext":{"accountId":"000000000000","apiId":"bench",` +
	`"authorizer":{"lambda":{"tenant":"bench","sub":"operator@bench","roles":"operator",` +
	`"creator":"","scope":"","exp":"%d"}},` +
	`"domainName":"api.example.com","domainPrefix":"api","http":{"method":"POST",` +
	`"path":"/api/v1/incentive/record","protocol":"HTTP/1.1","sourceIp":"%s",` +
	`"userAgent":"mcn-loader/1.0"},` +
	`"requestId":"bench-%d","routeKey":"POST /api/v1/incentive/record","stage":"$default",` +
	`"time":"22/Nov/2026:09:30:00 +0000","timeEpoch":%d},"body":%s,"isBase64Encoded":false}`

// eventBody returns the body of the n-th incentive event.
func eventBody(n int) string {
	return fmt.Sprintf(
		`{"event_id":"ev-%016d","creator_id":"creator-%03d","action_type":"watch_live",`+
			`"occurred_at":"%s","content_id":"live-%06d","quantity":%d,"platform":"douyin",`+
			`"viewer_ref":"viewer-%08d","session_id":"session-%06d"}`,
		n, n%100, time.Now().UTC().Format(time.RFC3339), n%1000, n%20+1, n%100000, n%1000)
}

// percentile returns a percentile of the durations.
func (m *measurement) percentile(p int) time.Duration {
	if len(m.took) == 0 {
		return 0
	}
	slices.Sort(m.took)
	return m.took[min(len(m.took)*p/100, len(m.took)-1)]
}

// rows returns the rows of the report for a case.
func (m *measurement) rows(c recordCase) []row {
	unit, batch := "requests", float64(c.load.batch)
	if c.load.batch > 1 {
		unit = "events"
	}
	rate, memory := m.rate()*batch, float64(m.resident)/1e6
	speed := row{what: c.what, measured: fmt.Sprintf("%.0f %s per CPU-second (%.0f a second)", rate,
		unit, float64(m.requests)*batch/m.wall.Seconds())}
	resident := row{what: c.what + ": resident memory, highest",
		measured: fmt.Sprintf("%.0f MB", memory)}
	if c.goal > 0 {
		speed.goal, speed.met = fmt.Sprintf(">= %.0f", c.goal), atLeast(rate, c.goal)
		resident.goal, resident.met = fmt.Sprintf("<= %.0f MB", c.memory), atMost(memory, c.memory)
	}
	return []row{speed, resident}
}
