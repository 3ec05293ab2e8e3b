package taxpack_test

import (
	"errors"
	"io/fs"
	"regexp"
	"testing"
	"testing/fstest"

	"fenzhang/rules"
	"fenzhang/shared/law/taxpack"
)

// seed adds every file of the packs that a pattern names.
func seed(f *testing.F, pattern string) {
	f.Helper()
	match := regexp.MustCompile(pattern)
	found := 0
	err := fs.WalkDir(rules.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !match.MatchString(name) {
			return err
		}
		data, err := fs.ReadFile(rules.Files, name)
		f.Add(data)
		found++
		return err
	})
	if err != nil || found == 0 {
		f.Fatalf("%d seeds, %v", found, err)
	}
}

// told fails the test when an error is none of the loader's, or a problem says nothing.
func told(t *testing.T, err error) {
	t.Helper()
	var ps taxpack.Problems
	if !errors.As(err, &ps) || len(ps) == 0 {
		t.Fatalf("refused without a problem: %v", err)
	}
	for _, p := range ps {
		if p.File == "" || p.Text == "" {
			t.Fatalf("a problem that says nothing: %+v", p)
		}
	}
}

// A manifest is refused by its problems, or it names its pack, its place and its version.
func FuzzManifest(f *testing.F) {
	seed(f, `/manifest\.yaml$`)
	national, err := taxpack.ReadNational(rules.NationalPack())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := fstest.MapFS{"manifest.yaml": &fstest.MapFile{Data: data}}
		if p, err := taxpack.ReadNational(files); err != nil {
			told(t, err)
		} else if p.ID.Pack == "" || p.ID.Version == "" || len(p.Jurisdiction.Code) != 6 || p.Jurisdiction.Title.EN == "" {
			t.Fatalf("accepted a national manifest that does not name the pack: %+v", p)
		}
		if p, err := taxpack.ReadLocal(files, national); err != nil {
			told(t, err)
		} else if p.Jurisdiction.Kind == "" || p.Jurisdiction.Confidence == "" {
			t.Fatalf("accepted a local manifest that does not say what the place is: %+v", p)
		}
	})
}

// A holiday notice is refused by its problems, or all its days lie in its year and it names its source.
func FuzzNotice(f *testing.F) {
	seed(f, `/calendar/\d+\.yaml$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := taxpack.ReadNotices(fstest.MapFS{"calendar/x.yaml": &fstest.MapFile{Data: data}})
		if err != nil {
			told(t, err)
			return
		}
		for _, n := range list {
			if n.Law.Document == "" || n.Published.IsZero() {
				t.Fatalf("accepted a notice without its source: %+v", n)
			}
			for _, d := range append(n.Year.Holidays, n.Year.WorkDays...) {
				if d.Year() != n.Year.Year {
					t.Fatalf("accepted %s in the notice of %d", d, n.Year.Year)
				}
			}
		}
	})
}
