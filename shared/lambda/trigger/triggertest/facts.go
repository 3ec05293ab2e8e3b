package triggertest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
)

// samplesFolder returns the folder of the demo data, as seen from the folder in which the test
// runs.
func samplesFolder(t testing.TB) string {
	t.Helper()
	for dir := "."; ; dir = filepath.Join(dir, "..") {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "samples")
		}
		// no folder of the repository is that deep
		if len(dir) > len("../../../../../../../..") {
			t.Fatal("the test does not run in the repository")
		}
	}
}

// facts are the ids that the demo data contains: by tenant, by the name of the field that carries
// such an id, and by id.
type facts map[string]map[string]map[string]bool

// idFields maps a list of master data to the fields of events that carry ids of its objects; the
// first is the field of the id itself.
var idFields = map[string][]string{
	"creators": {"creator_id", "user_id", "creator"}, "taxpayers": {"taxpayer_id"},
	"paying_entities": {"entity_id"},
}

// loadFacts reads the ids of the demo data from the folders of its tenants.
func loadFacts(t testing.TB) facts {
	t.Helper()
	masters, err := filepath.Glob(filepath.Join(samplesFolder(t), "*", "master.json"))
	if err != nil || len(masters) == 0 {
		t.Fatalf("no demo data in %s (%v)", samplesFolder(t), err)
	}
	all := facts{}
	for _, path := range masters {
		of := map[string]map[string]bool{"settlement_id": directSettlementIDs(t, filepath.Dir(path))}
		master := map[string][]map[string]any{}
		readJSON(t, path, &master)
		for list, fields := range idFields {
			known := map[string]bool{}
			for _, item := range master[list] {
				id, _ := item[fields[0]].(string)
				known[id] = true
			}
			for _, field := range fields {
				of[field] = known
			}
		}
		all[filepath.Base(filepath.Dir(path))] = of
	}
	return all
}

// directSettlementIDs computes the ids of the settlements that the demo opens by calls of the API;
// each id follows from the content of its call.
func directSettlementIDs(t testing.TB, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*", "settle-calls.json"))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, path := range files {
		var calls []struct {
			Request struct {
				User     string `json:"user_id"`
				Activity string `json:"activity_id"`
				TS       int64  `json:"ts"`
			} `json:"request"`
		}
		readJSON(t, path, &calls)
		for _, c := range calls {
			ids[settlement.IDOf(settlement.Identity(c.Request.User, c.Request.Activity, c.Request.TS),
				1)] = true
		}
	}
	return ids
}

// readJSON decodes a file of the demo data.
func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // demo data of the repository
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// unknownFacts lists the ids of an event that the demo data does not contain.
func unknownFacts(t testing.TB, event []byte) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal(event, &v); err != nil {
		return []string{err.Error()}
	}
	c := factChecker{known: loadFacts(t)}
	c.findTenant(v)
	c.checkIDs(v)
	return c.problems
}

// factChecker compares the ids in one event with the demo data.
type factChecker struct {
	known facts
	// tenant is the tenant of the event; it is empty for an event without a tenant.
	tenant   ident.Tenant
	problems []string
}

// findTenant finds the first tenant in an event. This comes before checkIDs, because an id belongs
// to a tenant.
func (c *factChecker) findTenant(v any) {
	eachText(v, func(key, text string) {
		if tenant := tenantIn(key, text); tenant != "" && c.tenant == "" {
			c.tenant = ident.Tenant(tenant)
		}
	})
}

// tenantIn returns the tenant that a text contains: the value of a field called tenant, or the
// beginning of a table's key, "T#tenant#...".
func tenantIn(key, text string) string {
	if key == "tenant" {
		return text
	}
	if rest, ok := strings.CutPrefix(text, "T#"); ok {
		tenant, _, _ := strings.Cut(rest, "#")
		return tenant
	}
	return ""
}

// checkIDs records a problem for every tenant and every id that the demo data does not contain.
func (c *factChecker) checkIDs(v any) {
	eachText(v, func(key, text string) {
		if tenant := tenantIn(key, text); tenant != "" && c.known[tenant] == nil {
			c.problems = append(c.problems, fmt.Sprintf("there is no tenant %q", tenant))
		}
		known, ok := c.known[string(c.tenant)][key]
		if ok && text != "" && !known[text] {
			c.problems = append(c.problems, fmt.Sprintf("%s has no %s %q", c.tenant, key, text))
		}
	})
}

// eachText calls do for every text in an event with the name of its field. eachText also looks into
// texts that are JSON objects, such as the body of a request.
func eachText(v any, do func(key, text string)) { eachTextIn("", v, do) }

// eachTextIn is eachText for the value of one field.
func eachTextIn(key string, v any, do func(key, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			eachTextIn(k, inner, do)
		}
	case []any:
		for _, inner := range v {
			eachTextIn(key, inner, do)
		}
	case string:
		var inner any
		// the body of an HTTP event and of a queue message is JSON inside a text
		if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &inner) == nil {
			eachTextIn(key, inner, do)
			return
		}
		do(key, v)
	}
}
