// Command generate writes the demo data in samples/ from a seed: the same seed gives the same
// bytes. All people, companies and numbers in the data are invented.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fenzhang/local/income"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Seed is the seed of the committed samples.
const Seed = 20260801

const (
	demoTenant  = "demo-mcn"
	smallTenant = "demo-small"
)

// output collects files.
type output struct {
	content map[string][]byte
	list    income.Manifest
}

// addFile adds a file to the output; a file with kind "" is not listed in the manifest of files to
// send.
func (o *output) addFile(path string, tenant ident.Tenant, kind string, sendOn civil.Date,
	content []byte) {
	o.content[path] = content
	if kind == "" {
		return
	}
	sum := sha256.Sum256(content)
	o.list.Files = append(o.list.Files, income.File{Path: path, Tenant: tenant, Kind: kind,
		SendOn: sendOn, Bytes: len(content), SHA256: hex.EncodeToString(sum[:])})
}

// Generate returns all sample files by path.
func Generate(seed uint64) (map[string][]byte, error) {
	r := &random{state: seed}
	o := &output{content: map[string][]byte{},
		list: income.Manifest{Seed: seed, Tenants: []string{demoTenant, smallTenant}}}
	rates := []map[string]string{{"unit": "音浪", "from": since, "yuan": "0.1"}}
	if err := o.addJSON("rates.json", "", "", civil.Date{}, rates); err != nil {
		return nil, err
	}
	if err := o.makeDemoAgency(r); err != nil {
		return nil, err
	}
	if err := o.makeSmallAgency(r); err != nil {
		return nil, err
	}
	if err := o.addJSON("manifest.json", "", "", civil.Date{}, o.list); err != nil {
		return nil, err
	}
	return o.content, nil
}

// makeDemoAgency generates the files of the demo agency.
func (o *output) makeDemoAgency(r *random) error {
	members, w := makeWorld(r)
	if err := o.addJSON(demoTenant+"/master.json", "", "", civil.Date{}, w); err != nil {
		return err
	}
	sums := tally{}
	shop, fans := &shopping{r: r}, &engagement{r: r}
	var direct []income.Expected
	for i, month := range serviceMonths() {
		if err := o.makeStatements(r, members, i, sums); err != nil {
			return err
		}
		pages, err := writePages(shop.makeMonth(members, i, sums))
		if err != nil {
			return err
		}
		o.addFile(monthFolder(month)+"orders.ndjson", demoTenant, income.Orders, dayAfter(month), pages)
		first, second, err := fans.makeMonth(members, i, sums)
		if err != nil {
			return err
		}
		o.addFile(monthFolder(month)+"events-1.ndjson", demoTenant, income.Events,
			month.Day(halfDay), first)
		o.addFile(monthFolder(month)+"events-2.ndjson", demoTenant, income.Events, dayAfter(month),
			second)
		calls, list := makeSettleCalls(members, i)
		direct = append(direct, list...)
		if err := o.addJSON(monthFolder(month)+"settle-calls.json", demoTenant, income.SettleCalls,
			payDay(month),
			calls); err != nil {
			return err
		}
	}
	o.list.Expected = append(sums.sortedStatements(demoTenant), direct...)
	return nil
}

// makeStatements generates the two CSV files of a month. The one of September is encoded in
// GB18030, the one of October begins with a byte order mark.
func (o *output) makeStatements(r *random, members []member, i int, sums tally) error {
	month := serviceMonths()[i]
	tips, ads := makeStatementRows(r, members, i, sums)
	if i > 0 {
		tips = append(tips, addLateTips(r, members, i, sums)...)
	}
	content, err := writeCSV(tipHeadings[i], addBrokenRows(r, tips, i))
	if err != nil {
		return err
	}
	name := "live-tips.csv"
	switch i {
	case 1:
		name = "live-tips.gb18030.csv"
		if content, err = encodeGB18030(content); err != nil {
			return err
		}
	case 2:
		content = append([]byte("\ufeff"), content...)
	}
	o.addFile(monthFolder(month)+name, demoTenant, income.LiveTips, dayAfter(month), content)
	if content, err = writeCSV(adHeadings, ads); err != nil {
		return err
	}
	o.addFile(monthFolder(month)+"xingtu.csv", demoTenant, income.Xingtu, dayAfter(month), content)
	return nil
}

// makeSmallAgency generates the files of the second agency: live tips of two months.
func (o *output) makeSmallAgency(r *random) error {
	members, w := smallWorld(r)
	if err := o.addJSON(smallTenant+"/master.json", "", "", civil.Date{}, w); err != nil {
		return err
	}
	sums := tally{}
	for i, month := range serviceMonths()[1:] {
		tips, _ := makeStatementRows(r, members, i+1, sums)
		content, err := writeCSV(tipHeadings[0], tips)
		if err != nil {
			return err
		}
		o.addFile(strings.Replace(monthFolder(month), demoTenant, smallTenant, 1)+"live-tips.csv",
			smallTenant,
			income.LiveTips, dayAfter(month), content)
	}
	o.list.Expected = append(o.list.Expected, sums.sortedStatements(smallTenant)...)
	o.list.Worked = workedCases()
	return nil
}

// monthFolder returns the folder of the demo agency's files of a month.
func monthFolder(month civil.Month) string { return demoTenant + "/" + month.String() + "/" }

// addJSON adds a value as a JSON file to the output.
func (o *output) addJSON(path string, tenant ident.Tenant, kind string, sendOn civil.Date,
	v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	o.addFile(path, tenant, kind, sendOn, append(b, '\n'))
	return nil
}

func main() {
	seed := flag.Uint64("seed", Seed, "seed of the random numbers")
	out := flag.String("out", "samples", "folder to write into")
	flag.Parse()
	if err := writeFiles(*seed, *out); err != nil {
		log.Fatal(err)
	}
}

// writeFiles writes the sample files of a seed to a folder.
func writeFiles(seed uint64, out string) error {
	files, err := Generate(seed)
	if err != nil {
		return err
	}
	paths := make([]string, 0, len(files))
	for path := range files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		full := filepath.Join(out, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, files[path], 0o644); err != nil {
			return err
		}
		fmt.Printf("%9d  %s\n", len(files[path]), full)
	}
	var list income.Manifest
	if err := json.Unmarshal(files["manifest.json"], &list); err != nil {
		return err
	}
	var gross money.Amount
	for _, e := range list.Expected {
		gross = gross.Add(e.Gross)
	}
	fmt.Printf("%d settlements expected, gross %s\n", len(list.Expected), gross)
	return nil
}
