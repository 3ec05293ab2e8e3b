package audit_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/fstest"

	"fenzhang/shared/audit"
)

func readJSON(b []byte, into any) error { return json.Unmarshal(b, into) }

// FuzzFollow: whatever lies under the next number, adopting it either fails or gives back the same bytes.
func FuzzFollow(f *testing.F) {
	files := chain(f)
	f.Add(files["demo/000000000001.ndjson"].Data)
	f.Add(files["demo/000000000002.ndjson"].Data)
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		batch, next, err := audit.Head{Tenant: "demo"}.ParseNextBatch(body)
		if err != nil {
			return
		}
		if !bytes.Equal(batch.Body(), body) || next.Tree.Count != int64(len(batch.Lines)) {
			t.Errorf("adopted %q as %q", body, batch.Body())
		}
	})
}

// FuzzCheck: no file may bring the check down, and a foreign one never passes whole.
func FuzzCheck(f *testing.F) {
	files := chain(f)
	f.Add(files["demo/000000000001.ndjson"].Data, files["demo/heads/000000000001.json"].Data)
	f.Add([]byte("\n\n"), []byte(`{"signed":"{}","roots":[]}`))
	f.Fuzz(func(t *testing.T, batch, head []byte) {
		report, err := audit.Check(fstest.MapFS{"demo/000000000001.ndjson": {Data: batch}, "demo/heads/000000000001.json": {Data: head}}, signer(t, "AB").Public())
		if err != nil {
			t.Fatal(err)
		}
		same := bytes.Equal(bytes.TrimSuffix(batch, []byte("\n")), bytes.TrimSuffix(files["demo/000000000001.ndjson"].Data, []byte("\n")))
		if report.Failed == 0 && !same {
			t.Errorf("passed: %q %q", batch, head)
		}
	})
}
