package mutation

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	sample    = "testdata/sample"
	leftAlone = sample + "/sample.go: Larger: a < b -> a <= b because equal numbers are the same number"
)

// What survives in a package whose mutants are known is named, and the score is that of the others.
func TestSurvivorsAreNamed(t *testing.T) {
	var out strings.Builder
	r, err := measurePackage(t.Context(), subject{folder: sample}, "# a remark\n\n"+leftAlone+"\nanother/folder/a.go: F: a -> b because of nothing\n", &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"lived        testdata/sample/sample.go:15: Positive: n > 0 -> n >= 0\n",
		"not covered  testdata/sample/sample.go:27: Days: -d -> d\n",
		"not covered  testdata/sample/sample.go:27: Days: -d / (24 * time.Hour * week) -> -d * (24 * time.Hour * week)\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in\n%s", want, out.String())
		}
	}
	if got := r.summary("sample"); !strings.HasPrefix(got, "sample: 75.0% (9 killed, 1 lived, 2 not covered; 0 timed out, 1 equivalent) in ") {
		t.Error(got)
	}
}

func TestLinesAboutEquivalentsAreChecked(t *testing.T) {
	mutants := []mutant{{file: "a.go", function: "F", was: "a < b", is: "a <= b"}, {file: "a.go", function: "F", was: "a < b", is: "a >= b"}}
	excused, err := excusedMutants("x/a.go: F: a < b -> a <= b because both give the same\n", "x", mutants)
	if err != nil || len(excused) != 1 || !excused[1] {
		t.Errorf("%v, %v", excused, err)
	}
	for _, text := range []string{"x/a.go: F: a < b -> a <= b\n", "x/a.go: F: a < c -> a <= c because it is gone\n"} {
		if _, err := excusedMutants(text, "x", mutants); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	if excused, err := excusedMutants("x/y/a.go: F: a < b -> a <= b because it lies deeper\n", "x", mutants); err != nil || len(excused) != 0 {
		t.Errorf("a line of another package: %v, %v", excused, err)
	}
}

// Every line of the committed list names a package that is measured, and gives a reason.
func TestTheCommittedListIsReadable(t *testing.T) {
	for line := range strings.Lines(equivalents) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		file, _, _ := strings.Cut(line, ":")
		folder := file[:max(0, strings.LastIndexByte(file, '/'))]
		if !slices.ContainsFunc(subjects(), func(s subject) bool { return s.folder == folder }) || !strings.Contains(line, " because ") {
			t.Errorf("nobody reads %q", line)
		}
	}
	for _, s := range subjects() {
		for _, p := range append(s.witnesses, s.folder) {
			if _, err := os.Stat("../../../" + p); err != nil {
				t.Error(err)
			}
		}
	}
}

// Below the floor the run fails; the survivors are on the screen and in a file.
func TestRunFailsBelowTheFloor(t *testing.T) {
	var out strings.Builder
	folder := t.TempDir()
	passed, err := measureAll(t.Context(), []subject{{folder: sample}}, folder, &out)
	if err != nil || passed {
		t.Errorf("%t, %v", passed, err)
	}
	list, err := os.ReadFile(folder + "/testdata-sample.txt")
	if err != nil || !strings.Contains(string(list), "Larger: a < b -> a <= b") || !strings.HasPrefix(out.String(), string(list)) {
		t.Errorf("%v\n%s\n%s", err, list, out.String())
	}
}
