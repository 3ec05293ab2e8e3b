package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const stream = `{"Action":"run","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"TestGood","Elapsed":0.1}
{"Action":"output","Package":"p","Output":"fenzhang-processor-seconds 1.25\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"    x_test.go:1: got 1\n"}
{"Action":"fail","Package":"p","Test":"TestBad","Elapsed":0.1}
{"Action":"output","Package":"p","Test":"TestLater","Output":"    x_test.go:9: no engine here\n"}
{"Action":"output","Package":"p","Test":"TestLater","Output":"--- SKIP: TestLater (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestLater"}
{"Action":"fail","Package":"p","Elapsed":1.5}
{"ImportPath":"q","Action":"build-output","Output":"q.go:3: undefined: z\n"}
{"Action":"fail","Package":"q","Elapsed":0,"FailedBuild":"q"}
{"Action":"output","Package":"r","Test":"TestCrash","Output":"panic: deep\n"}
{"Action":"fail","Package":"r","Elapsed":0.2}
`

func TestReport(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out)
	if err := r.readEvents(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	r.printSummary(90 * time.Second)
	for _, want := range []string{
		"x_test.go:1: got 1", "undefined: z", "panic: deep", "FAIL p ", "1.50 s    1.25 s of the processor", "1 in all; the packages that took most:\n     1.25 p\n",
		"skipped: TestLater  (p): x_test.go:9: no engine here", "failed:  TestBad  (p)", "failed:  the package itself  (q)", "failed:  the package itself  (r)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if strings.Contains(out.String(), "noise") {
		t.Error("the output of a test that passed is shown")
	}
	if !strings.HasSuffix(out.String(), "\n1 passed, 3 failed, 1 skipped\n") {
		t.Errorf("the last line is wrong:\n%s", out.String())
	}
}

func TestReportOfNothingCountsNothing(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out)
	if err := r.readEvents(strings.NewReader("")); err != nil || r.failed+r.passed+r.skipped != 0 {
		t.Errorf("got %d %d %d, %v", r.passed, r.failed, r.skipped, err)
	}
}

func TestAPackageOverItsBudgetFails(t *testing.T) {
	budget, err := readBudget()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range budget {
		if _, err := os.Stat(filepath.Join("..", "..", pkg)); err != nil {
			t.Errorf("%s has a figure of %s, which is no folder", budgetFile, pkg)
		}
	}
	for seconds, failed := range map[float64]int{0.1: 0, leastBudget * budgetFactor: 0, leastBudget*budgetFactor + 0.1: 1} {
		r := newReport(io.Discard)
		r.seconds[module+"shared/nobody-has-a-figure-for-it"] = seconds
		if err := r.checkBudget(false); err != nil || r.failed != failed || len(r.failures) != failed {
			t.Errorf("%g seconds: %v %v", seconds, r.failures, err)
		}
	}
	for pkg, own := range budget {
		r := newReport(io.Discard)
		r.seconds[module+pkg] = own*budgetFactor + 0.1
		if err := r.checkBudget(false); err != nil || r.failed != 1 || !strings.Contains(r.failures[0], budgetFile) {
			t.Errorf("%s: %v %v", pkg, r.failures, err)
		}
	}
}

func TestEachPackageIsInOnePart(t *testing.T) {
	all := []string{"fenzhang/a", "fenzhang/b", "fenzhang/c", "fenzhang/d", "fenzhang/e", "fenzhang/f"}
	var found []string
	for _, text := range []string{"1/3", "2/3", "3/3"} {
		var s shard
		if err := s.parse(text); err != nil {
			t.Fatal(err)
		}
		found = append(found, s.selectPackages(all)...)
	}
	if slices.Sort(found); !slices.Equal(found, all) {
		t.Errorf("the parts hold %v", found)
	}
	for _, text := range []string{"1", "0/2", "3/2", "a/b", "1/"} {
		if (&shard{}).parse(text) == nil {
			t.Errorf("%q is no part", text)
		}
	}
	if got := (shard{}).selectPackages(all); !slices.Equal(got, all) {
		t.Errorf("without a part: %v", got)
	}
}

func TestMeasureKeepsExitCodeAndLog(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "x.test")
	if err := os.Symlink(os.Args[0], binary); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if code := measureBinary([]string{binary, "-test.run=^TestReport$"}, &out); code != 0 || !strings.Contains(out.String(), "PASS\n"+secondsPrefix+"0.") {
		t.Errorf("%d %s", code, out.String())
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(binary), "testlog.txt")); err != nil {
		t.Error(err)
	}
	if code := measureBinary([]string{binary, "-test.timeout=nonsense"}, io.Discard); code != 2 {
		t.Errorf("a binary that ends with 2 gave %d", code)
	}
}
