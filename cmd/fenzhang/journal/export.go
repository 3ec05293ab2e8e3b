package journal

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fenzhang/local/apiclient"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// export says which entries are exported, and to which file.
type export struct {
	entity ident.Entity
	period string // "" for all
	file   string
	out    io.Writer
}

// place is an account of a paying entity, for which amounts are summed.
type place struct {
	entity  ident.Entity
	account ledger.Account
}

// journalTotals counts what was written to the file and sums the amounts.
type journalTotals struct {
	entries, pages int
	books          map[string]bool
	sums           map[place]money.Amount
}

// writeFile exports the journal into the file and prints the sums. writeFile writes a temporary
// file first, so that the named file only ever exists complete.
func (e export) writeFile(ctx context.Context, api *apiclient.Client) error {
	if err := os.MkdirAll(filepath.Dir(e.file), 0o755); err != nil {
		return err
	}
	part := e.file + ".part"
	f, err := os.Create(part) //nolint:gosec // the path is an argument of the command
	if err != nil {
		return err
	}
	lines := bufio.NewWriter(f)
	t, err := e.readPages(ctx, api, lines)
	if err = errors.Join(err, lines.Flush(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, e.file); err != nil {
		return err
	}
	return e.printSums(t)
}

// progressInterval is the least time between two lines about the progress.
const progressInterval = time.Second

// readPages reads the journal page by page and writes each entry: book after book, each in order of
// posting, so that the same journal always gives the same file.
func (e export) readPages(ctx context.Context, api *apiclient.Client,
	lines io.Writer) (journalTotals, error) {
	t := journalTotals{books: map[string]bool{}, sums: map[place]money.Amount{}}
	printed := time.Now()
	for cursor := ""; ; {
		var page struct {
			Entries    []json.RawMessage `json:"entries"`
			NextCursor *string           `json:"next_cursor"`
		}
		if _, err := api.CallRoute(ctx, http.MethodGet, e.pagePath(cursor), nil, &page); err != nil {
			return t, err
		}
		t.pages++
		for _, line := range page.Entries {
			if err := t.addEntry(line, lines); err != nil {
				return t, err
			}
		}
		if page.NextCursor == nil {
			return t, nil
		}
		cursor = *page.NextCursor
		if time.Since(printed) >= progressInterval {
			printed = time.Now()
			_, _ = fmt.Fprintf(e.out, "  %d entries of %d books so far\n", t.entries, len(t.books))
		}
	}
}

// pagePath returns path and query of one page of the journal.
func (e export) pagePath(cursor string) string {
	q := url.Values{}
	for name, value := range map[string]string{"paying_entity": string(e.entity), "period": e.period,
		"cursor": cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "/v1/ledger/journal?" + q.Encode()
}

// addEntry writes one entry as a line and adds its amounts; an entry that does not sum to zero is
// an error.
func (t *journalTotals) addEntry(raw json.RawMessage, lines io.Writer) error {
	var entry ledger.Entry
	if err := json.Unmarshal(raw, &entry); err != nil {
		return fmt.Errorf("an entry cannot be read: %w", err)
	}
	if err := entry.Validate(); err != nil {
		return err
	}
	t.entries++
	t.books[string(entry.CreatorID)] = true
	for _, p := range entry.Postings {
		at := place{entry.Entity, p.Account}
		t.sums[at] = t.sums[at].Add(p.Amount)
	}
	var line bytes.Buffer
	// Each entry must be one line, whatever form the API sends it in.
	if err := json.Compact(&line, raw); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := lines.Write(line.Bytes())
	return err
}

// printSums prints the sums by paying entity and account, with debits positive, and the name of the
// file.
func (e export) printSums(t journalTotals) error {
	places := slices.SortedFunc(maps.Keys(t.sums), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.entity, b.entity), cmp.Compare(a.account, b.account))
	})
	entity := ""
	for _, at := range places {
		if at.entity != ident.Entity(entity) {
			entity = string(at.entity)
			_, _ = fmt.Fprintln(e.out, entity)
		}
		_, _ = fmt.Fprintf(e.out, "  %-28s %20s\n", at.account, t.sums[at])
	}
	_, err := fmt.Fprintf(e.out, "%d entries of %d books, each summing to 0.00, in %s\n", t.entries,
		len(t.books), e.file)
	return err
}
