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

// export is which entries are taken, and where they go.
type export struct {
	entity ident.Entity
	period string // "" for all
	file   string
	out    io.Writer
}

// place is what is summed by.
type place struct {
	entity  ident.Entity
	account ledger.Account
}

// taken is what was written.
type taken struct {
	entries, pages int
	books          map[string]bool
	sums           map[place]money.Amount
}

// write takes the journal into the file, which is there only when it is whole, and prints the sums.
func (e export) write(ctx context.Context, api *apiclient.Client) error {
	if err := os.MkdirAll(filepath.Dir(e.file), 0o755); err != nil {
		return err
	}
	part := e.file + ".part"
	f, err := os.Create(part) //nolint:gosec // the file that the caller names is the purpose
	if err != nil {
		return err
	}
	lines := bufio.NewWriter(f)
	t, err := e.pages(ctx, api, lines)
	if err = errors.Join(err, lines.Flush(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, e.file); err != nil {
		return err
	}
	return e.tell(t)
}

// between is how long nothing is said while pages are read.
const between = time.Second

// pages reads the journal page by page: book by book, each in order of posting, so that the same
// journal gives the same file.
func (e export) pages(ctx context.Context, api *apiclient.Client, lines io.Writer) (taken, error) {
	t := taken{books: map[string]bool{}, sums: map[place]money.Amount{}}
	said := time.Now()
	for cursor := ""; ; {
		var page struct {
			Entries    []json.RawMessage `json:"entries"`
			NextCursor *string           `json:"next_cursor"`
		}
		if _, err := api.Ask(ctx, http.MethodGet, e.path(cursor), nil, &page); err != nil {
			return t, err
		}
		t.pages++
		for _, line := range page.Entries {
			if err := t.take(line, lines); err != nil {
				return t, err
			}
		}
		if page.NextCursor == nil {
			return t, nil
		}
		cursor = *page.NextCursor
		if time.Since(said) >= between {
			said = time.Now()
			_, _ = fmt.Fprintf(e.out, "  %d entries of %d books so far\n", t.entries, len(t.books))
		}
	}
}

func (e export) path(cursor string) string {
	q := url.Values{}
	for name, value := range map[string]string{"paying_entity": string(e.entity), "period": e.period,
		"cursor": cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "/v1/ledger/journal?" + q.Encode()
}

// take writes one entry as a line and adds it up; one that does not sum to zero is an error.
func (t *taken) take(raw json.RawMessage, lines io.Writer) error {
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
	if err := json.Compact(&line, raw); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := lines.Write(line.Bytes())
	return err
}

// tell prints the sums by paying entity and account, debits positive, and where the file lies.
func (e export) tell(t taken) error {
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
