package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

const stream = `{"Action":"run","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"TestGood","Elapsed":0.1}
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
	if err := r.follow(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	r.summary(90 * time.Second)
	for _, want := range []string{
		"x_test.go:1: got 1", "undefined: z", "panic: deep", "FAIL p ",
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
	if err := r.follow(strings.NewReader("")); err != nil || r.failed+r.passed+r.skipped != 0 {
		t.Errorf("got %d %d %d, %v", r.passed, r.failed, r.skipped, err)
	}
}
