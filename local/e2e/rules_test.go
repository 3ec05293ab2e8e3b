package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/vault/sm2signer"
	"fenzhang/shared/vault/sm2signer/keyfile"
)

// The pack whose rate changes, and what a quote says of it: the surcharge of a studio in Hangzhou on 200,000.00.
const (
	province = ruletest.Province
	usual    = "19.80" // 1980.20 of VAT at 2%, half of it relieved
	changed  = "9.90"  // at 1%
)

// packs is the life of policy packs on the stack.
type packs struct {
	*stack
	t    *testing.T
	key  *sm2signer.Local
	line int // version numbers of this run
}

func (s *stack) packs(t *testing.T) *packs {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(os.Getenv(environment)), "rules-publisher.key")) // beside the settings
	if err != nil {
		t.Fatal(err)
	}
	key, err := keyfile.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &packs{stack: s, t: t, key: key, line: int(time.Now().Unix() % 100_000_000)}
}

func (p *packs) version(n int) string { return fmt.Sprintf("2030.%d.%d", p.line, n) }

func (p *packs) local(n int, rate string) fstest.MapFS {
	p.t.Helper()
	files, err := ruletest.PackWithLocalRate(province, p.version(n), rate)
	if err != nil {
		p.t.Fatal(err)
	}
	return files
}

// handIn copies a pack into the bucket as an operator does; spoil changes files after they were signed.
func (p *packs) handIn(files fstest.MapFS, n int, state rulepack.State, spoil func()) {
	p.t.Helper()
	manifest, err := ruletest.SignManifest(p.t.Context(), files, p.key, state)
	if err != nil {
		p.t.Fatal(err)
	}
	spoil()
	client := s3.NewFromConfig(p.aws, func(o *s3.Options) { o.UsePathStyle = true })
	put := func(name string, body []byte) {
		_, err := client.PutObject(p.t.Context(), &s3.PutObjectInput{Bucket: aws.String(p.vars["RULES_BUCKET"]), Key: aws.String(path.Join("incoming", province, p.version(n), name)), Body: bytes.NewReader(body)})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	for name, f := range files {
		put(name, f.Data)
	}
	put(rulepack.ManifestName, manifest)
}

// standing is what publish-rules says of a pack.
type standing struct {
	Active   string
	Shadow   string
	Versions []struct{ Version, State string }
}

// order asks publish-rules for something.
func (p *packs) order(job, version string, into any) {
	p.t.Helper()
	payload, err := json.Marshal(map[string]string{"job": job, "pack": province, "version": version})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), patience) // also asked while the test cleans up
	defer cancel()
	out, err := lambda.NewFromConfig(p.aws).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(p.vars["STACK_NAME"] + "-publish-rules"), Payload: payload})
	if err == nil && out.FunctionError != nil {
		err = errors.New(string(out.Payload))
	}
	if err == nil {
		err = json.Unmarshal(out.Payload, into)
	}
	if err != nil {
		p.t.Fatalf("%s %s: %v", job, version, err)
	}
}

func (p *packs) done(job, version string) {
	p.t.Helper()
	var out struct {
		Refused string
		Changed bool
	}
	if p.order(job, version, &out); out.Refused != "" || !out.Changed {
		p.t.Fatalf("%s %s: %+v", job, version, out)
	}
}

func (p *packs) status() (standing, []string) {
	p.t.Helper()
	var r struct {
		Packs    []standing
		Refusals []struct{ What, Why string }
	}
	p.order("status", "", &r)
	var refusals []string
	for _, f := range r.Refusals {
		refusals = append(refusals, f.What+": "+f.Why)
	}
	return r.Packs[0], refusals
}

func (p *packs) stateOf(n int) string {
	p.t.Helper()
	s, _ := p.status()
	for _, v := range s.Versions {
		if v.Version == p.version(n) {
			return v.State
		}
	}
	return ""
}

// traffic asks for the same quote twenty times a second and remembers what came.
type traffic struct {
	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex
	asked   int
	failed  []string
	latest  string    // the amount of the last answer
	inRow   int       // answers with this amount since the last other one
	changed time.Time // when the first of them was asked for
	mixed   []string  // answers whose amount is not that of their version
}

const (
	perSecond = 20
	atOnce    = 16 // a busy machine asks more slowly, instead of drowning in what it has not answered
)

func (p *packs) traffic() *traffic {
	tr := &traffic{stop: make(chan struct{})}
	token := p.token(p.t, as(identity.Finance))
	tick, free := time.NewTicker(time.Second/perSecond), make(chan struct{}, atOnce)
	tr.wg.Go(func() {
		defer tick.Stop()
		for {
			select {
			case <-tr.stop:
				return
			case <-tick.C:
				free <- struct{}{}
				tr.wg.Go(func() { tr.ask(p, token); <-free })
			}
		}
	})
	return tr
}

func (tr *traffic) ask(p *packs, token string) {
	sent := time.Now()
	amount, version, err := p.quote(token)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.asked++
	if err != nil {
		tr.failed = append(tr.failed, err.Error())
		return
	}
	if ours := strings.HasPrefix(version, "2030."); ours != (amount == changed) || (amount != usual && amount != changed) {
		tr.mixed = append(tr.mixed, version+" gave "+amount)
	}
	if amount != tr.latest {
		tr.latest, tr.inRow, tr.changed = amount, 0, sent
	}
	tr.inRow++
}

// quote gives the surcharge and the version of the local pack that computed it.
func (p *packs) quote(token string) (amount, version string, err error) {
	f, err := ruletest.QuoteSurcharge(context.Background(), p.http, p.vars["FENZHANG_API_URL"], token)
	return f.Amount, f.Version, err
}

// turns waits until as many answers in a row are as wanted as are asked for in three seconds, and logs how long after a
// moment the first of them was asked for. The limit is no promise: package ruleset holds how soon a pack is in force.
func (tr *traffic) turns(t *testing.T, what, want string, since time.Time) {
	t.Helper()
	tr.mu.Lock()
	tr.inRow = 0 // what was answered before does not count
	tr.mu.Unlock()
	settled := func() bool {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		return tr.latest == want && tr.inRow >= 3*perSecond
	}
	eventually(t, what+": quotes of "+want, settled, func() string {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		return fmt.Sprintf("%d answers of %s in a row", tr.inRow, tr.latest)
	})
	tr.mu.Lock()
	defer tr.mu.Unlock()
	t.Logf("%s: all answers after %.1f s", what, max(0, tr.changed.Sub(since).Seconds()))
}

// TestAPackChangesQuotesWithoutADeploy takes a local pack with another rate from draft over shadow to active and
// back, while twenty quotes a second are asked for: none fails, each is computed by one version throughout.
func TestAPackChangesQuotesWithoutADeploy(t *testing.T) {
	s := use(t)
	p := s.packs(t)
	studio := s.studio(t, "rules")
	before, _ := p.status()
	t.Cleanup(func() { // the tests after this one compute as before
		if now, _ := p.status(); now.Active != before.Active {
			p.done("rollback", before.Active)
			time.Sleep(ruleset.RefreshInterval)
		}
	})
	tr := p.traffic()
	began := time.Now()
	tr.turns(t, "at first", usual, time.Now())

	p.handIn(p.local(1, "0.01"), 1, rulepack.Draft, func() {})
	eventually(t, "the draft", func() bool { return p.stateOf(1) == "draft" }, func() string { _, r := p.status(); return fmt.Sprint(r) })
	tr.turns(t, "a draft", usual, time.Now())

	p.done("shadow", p.version(1))
	time.Sleep(ruleset.RefreshInterval + time.Second)
	id := s.open(t, studio, "live-shadow", "300000.00")
	s.until(t, string(id), "a quote", quoted)
	p.reported(id, 1)
	tr.turns(t, "in the shadow", usual, time.Now())

	asked := time.Now()
	p.done("activate", p.version(1))
	tr.turns(t, "activated", changed, asked)

	files := p.local(2, "0.01")
	p.handIn(files, 2, rulepack.Active, func() { files["manifest.yaml"].Data = append(files["manifest.yaml"].Data, '\n') })
	tampered := func() bool {
		_, refusals := p.status()
		return strings.Contains(strings.Join(refusals, "\n"), p.version(2)+"/manifest.json: rulepack: manifest.yaml is not the file of the manifest")
	}
	eventually(t, "the refusal of the tampered pack", tampered, func() string { _, r := p.status(); return fmt.Sprint(r) })
	tr.turns(t, "a tampered pack was refused", changed, time.Now())

	asked = time.Now()
	p.done("rollback", "")
	tr.turns(t, "rolled back", usual, asked)

	close(tr.stop)
	tr.wg.Wait()
	if len(tr.failed) > 0 || len(tr.mixed) > 0 {
		t.Errorf("of %d quotes %d failed: %v; mixed: %v", tr.asked, len(tr.failed), tr.failed[:min(3, len(tr.failed))], tr.mixed[:min(3, len(tr.mixed))])
	}
	t.Logf("%d quotes, %.1f a second", tr.asked, float64(tr.asked)/time.Since(began).Seconds())
}

// reported looks for the difference that a settlement would have had under the shadow.
func (p *packs) reported(id ident.Settlement, n int) {
	p.t.Helper()
	path := "/v1/tax/shadow?shadow=" + province + "@" + p.version(n)
	var r struct {
		Reports     []struct{ Compared, Differing, Failed int }
		Differences []struct {
			Settlement ident.Settlement `json:"settlement_id"`
			Net        string           `json:"net_difference"`
		}
	}
	seen := func() bool {
		a := p.call(p.t, as(identity.Auditor), "GET", path, nil)
		return a.status == http.StatusOK && json.Unmarshal(a.body, &r) == nil && len(r.Differences) == 1
	}
	eventually(p.t, "the comparison", seen, func() string { return fmt.Sprintf("%+v", r) })
	if r.Differences[0].Settlement != id || r.Differences[0].Net != "0.00" || r.Reports[0].Differing != 1 || r.Reports[0].Failed != 0 {
		p.t.Errorf("%+v", r)
	}
}
