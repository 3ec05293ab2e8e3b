package pack

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruletest"
)

var national = filepath.Join("..", "..", "..", "rules", "national")

func TestManifestOfTheNationalPack(t *testing.T) {
	var out bytes.Buffer
	if err := runCommand(context.Background(), []string{"describe", national}, &out); err != nil {
		t.Fatal(err)
	}
	if m, err := rulepack.ParseManifest(out.Bytes()); err != nil || m.Pack != "national" || m.Signature != nil {
		t.Errorf("got %+v %v", m, err)
	}
}

// folder writes a changed pack to disk.
func folder(t *testing.T) string {
	t.Helper()
	files, err := ruletest.PackWithCostRate("2030.1", "0.30")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, fs.FS(files)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestKeysSignAndOthersDoNot(t *testing.T) {
	ctx, dir, key := context.Background(), folder(t), filepath.Join(t.TempDir(), "publisher.key")
	var public bytes.Buffer
	if err := runCommand(ctx, []string{"keygen", key}, &public); err != nil {
		t.Fatal(err)
	}
	if err := runCommand(ctx, []string{"keygen", key}, &public); err == nil {
		t.Error("a key was overwritten")
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key can be read by others: %v %v", info, err)
	}
	var out bytes.Buffer
	if err := runCommand(ctx, []string{"sign", "-key", key, "-state", "shadow", dir}, &out); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, rulepack.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	m, err := rulepack.ParseManifest(raw)
	if err != nil || m.WantedState() != rulepack.Shadow || m.Version != "2030.1" {
		t.Fatalf("%+v %v", m, err)
	}
	trusted, err := rulepack.ParseTrusted(public.String())
	if err != nil || m.CheckSignature(trusted) != nil {
		t.Errorf("%v %v", err, m.CheckSignature(trusted))
	}
	if err := runCommand(ctx, []string{"sign", "-key", key, "-state", "revoked", dir}, &out); err == nil {
		t.Error("a state that no manifest may ask for was signed")
	}
}

func TestWrongUseIsSaid(t *testing.T) {
	for _, args := range [][]string{{}, {"a", "b"}, {"describe"}, {"describe", t.TempDir()}, {"sign", t.TempDir()}, {"activate", "national"}, {"upload", t.TempDir()}, {"describe", "-more", "x"}} {
		if runCommand(context.Background(), args, &bytes.Buffer{}) == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

// fake is the AWS that the program sees: it keeps what was put and answers orders.
type fake struct {
	put    []string
	asked  []map[string]string
	answer map[string]string // by job
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		f.put = append(f.put, r.URL.Path)
		return
	}
	var order map[string]string
	_ = json.NewDecoder(r.Body).Decode(&order)
	f.asked = append(f.asked, order)
	_, _ = w.Write([]byte(f.answer[order["job"]]))
}

func serve(t *testing.T, f *fake) {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": server.URL, "STACK_NAME": "fz", "RULES_BUCKET": "rules"} {
		t.Setenv(name, value)
	}
}

func TestOrdersAreOneCall(t *testing.T) {
	f := &fake{answer: map[string]string{
		"activate": `{"pack":"national","version":"2030.1","active":"2030.1","before":"embedded","changed":true,"rev":3}`,
		"rollback": `{"pack":"national","refused":"nothing was active before"}`,
		"status":   `{"rev":3,"trusted":["k1"],"packs":[{"pack":"national","active":"2030.1","embedded":{"version":"2026.11.22"},"versions":[{"version":"2030.1","state":"active"}]}],"refusals":[{"what":"manifest x","why":"tampered"}]}`,
	}}
	serve(t, f)
	var out bytes.Buffer
	if err := runCommand(context.Background(), []string{"activate", "national", "2030.1"}, &out); err != nil || !strings.Contains(out.String(), "active 2030.1 (before: embedded)") {
		t.Errorf("%q %v", &out, err)
	}
	if err := runCommand(context.Background(), []string{"rollback", "national"}, &out); err == nil || !strings.Contains(err.Error(), "nothing was active before") {
		t.Errorf("a refusal: %v", err)
	}
	out.Reset()
	if err := runCommand(context.Background(), []string{"status", "national"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"change 3", "2030.1", "2026.11.22", "tampered", "k1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the status does not say %s:\n%s", want, &out)
		}
	}
	if len(f.asked) != 3 {
		t.Errorf("%d calls", len(f.asked))
	}
}

func TestTheManifestIsCopiedLast(t *testing.T) {
	dir, key := folder(t), filepath.Join(t.TempDir(), "publisher.key")
	var out bytes.Buffer
	for _, args := range [][]string{{"keygen", key}, {"sign", "-key", key, dir}} {
		if err := runCommand(context.Background(), args, &out); err != nil {
			t.Fatal(err)
		}
	}
	id, err := rulepack.IdentifyPack(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{answer: map[string]string{"status": `{"packs":[{"pack":"national","versions":[{"version":"2030.1","sha256":"` + id.SHA256 + `","state":"draft"}]}]}`}}
	serve(t, f)
	if err := runCommand(context.Background(), []string{"upload", dir}, &out); err != nil {
		t.Fatal(err)
	}
	if n := len(f.put); n < 20 || !strings.HasSuffix(f.put[n-1], "/2030.1/manifest.json") {
		t.Errorf("%d files, the last is %v", n, f.put[max(0, n-1):])
	}
	f.put = nil
	if err := os.WriteFile(filepath.Join(dir, "rounding.yaml"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := runCommand(context.Background(), []string{"upload", dir}, &out); err == nil || len(f.put) != 0 {
		t.Errorf("a pack that differs from its manifest was copied: %v", err)
	}
}
