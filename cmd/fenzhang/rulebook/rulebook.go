// Package rulebook writes the tax rules in the binary as a book of static pages and prints the name
// of its first page.
package rulebook

import (
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"fenzhang/rules"
	"fenzhang/shared/civil"
	"fenzhang/shared/law/example"
	"fenzhang/shared/law/rulebook"
	"fenzhang/shared/law/taxpack"
)

// Command registers the flags of rulebook and returns the function that writes it.
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	folder := flags.String("out", filepath.Join(".local", "rulebook"),
		"folder of the book; what lay in it is replaced")
	day := flags.String("date", "",
		"the day whose rules are in force, 2026-11-22; today when left out")
	return func(_ context.Context, out io.Writer) (bool, error) {
		err := writeBook(*folder, *day, time.Now(), out)
		return err == nil, err
	}
}

// writeBook renders the rules in force on a day, today when none is given, and writes the pages
// into the folder.
func writeBook(folder, day string, now time.Time, out io.Writer) error {
	on := civil.DateOf(now)
	if day != "" {
		var err error
		if on, err = civil.ParseDate(day); err != nil {
			return fmt.Errorf("date: %w", err)
		}
	}
	source, err := readSource(on)
	if err != nil {
		return err
	}
	pages, err := rulebook.Render(source)
	if err != nil {
		return err
	}
	if err := replaceFolder(folder, pages); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d pages\n%s\n", len(pages)-1, filepath.Join(folder, "index.html"))
	return err
}

// readSource reads the packs in the binary and computes their examples.
func readSource(on civil.Date) (rulebook.Source, error) {
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		return rulebook.Source{}, err
	}
	s := rulebook.Source{Corpus: corpus, On: on, Examples: map[string][]example.Outcome{}}
	if s.Notices, err = taxpack.ReadNotices(rules.NationalPack()); err != nil {
		return s, err
	}
	packs := corpus.PackIDs()
	for i, files := range append([]fs.FS{rules.NationalPack()}, rules.JurisdictionPacks()...) {
		examples, err := example.ReadExamples(files)
		if err != nil {
			return s, err
		}
		for _, x := range examples {
			s.Examples[packs[i].Pack] = append(s.Examples[packs[i].Pack], example.Check(corpus, x))
		}
	}
	return s, nil
}

// replaceFolder replaces an older book in the folder by the pages.
func replaceFolder(folder string, pages map[string][]byte) error {
	if err := removeOldBook(folder); err != nil {
		return err
	}
	for name, data := range pages {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path),
			0o755); err != nil { //nolint:gosec // the pages are public
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil { //nolint:gosec // the pages are public
			return err
		}
	}
	return nil
}

// removeOldBook removes an older book; it refuses to remove a folder that holds anything else.
func removeOldBook(folder string) error {
	entries, err := os.ReadDir(folder)
	if os.IsNotExist(err) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return err
	}
	// Every book has this file, so a folder without it holds something else.
	if _, err := os.Stat(filepath.Join(folder, "style.css")); err != nil {
		return fmt.Errorf("%s holds something that is no rule book; name another folder", folder)
	}
	return os.RemoveAll(folder)
}
