package taxpack

import (
	"strings"
	"testing"
	"testing/fstest"

	"fenzhang/rules"
)

// A form that is broken, or was made from other files, is not used: the files decide.
func TestStaleFormIsNotUsed(t *testing.T) {
	names, err := yamlFiles(rules.National())
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, n := range names {
		data, err := rules.Files.ReadFile("national/" + n)
		if err != nil {
			t.Fatal(err)
		}
		files[n] = &fstest.MapFile{Data: data}
	}
	changed := strings.Replace(string(files["manifest.yaml"].Data), "version: ", "version: changed-", 1)
	files["manifest.yaml"] = &fstest.MapFile{Data: []byte(changed)}
	for name, form := range map[string][]byte{"stale": rules.Prepared, "broken": []byte("{"), "empty": nil} {
		e, err := corpusOf(files, nil, form)
		if err != nil {
			t.Fatal(err)
		}
		if v := e.National().Pack().Version; !strings.HasPrefix(v, "changed-") {
			t.Errorf("%s: version %s", name, v)
		}
	}
	if e, err := corpusOf(rules.National(), rules.Jurisdictions(), rules.Prepared); err != nil || strings.HasPrefix(e.National().Pack().Version, "changed-") {
		t.Errorf("the fitting form: %v", err)
	}
}
