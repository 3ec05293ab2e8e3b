package statement

import (
	"context"
	"time"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// Format is a kind of file.
type Format string

// The formats of documents.
const (
	PDF  Format = "pdf"
	XLSX Format = "xlsx"
)

// Type is the media type of a format.
func (f Format) Type() string {
	if f == PDF {
		return "application/pdf"
	}
	return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
}

// Files keeps documents, each written once under a name that has the hash of its content.
type Files interface {
	// Has tells whether a document is there.
	Has(ctx context.Context, name string) (bool, error)
	// Put writes a document; one that is there already stays.
	Put(ctx context.Context, name string, format Format, body []byte) error
	// Link gives an address from which anybody who has it can fetch a document until a time.
	Link(ctx context.Context, name, as string, format Format, life time.Duration) (string, error)
}

// Typesetter writes documents. A letter that its font lacks is fault.RuleMissing with reason
// glyph_missing.
type Typesetter interface {
	Statement(ctx context.Context, s Statement, f Format) ([]byte, error)
	Certificate(ctx context.Context, c Certificate, f Format) ([]byte, error)
}

// Documents writes, keeps and lends documents.
type Documents struct {
	Files Files
	Set   Typesetter
	Now   func() time.Time
}

// LinkLife is how long a link to a document works.
const LinkLife = 5 * time.Minute

// Link is where a document is fetched.
type Link struct {
	Number    string    `json:"number"`
	Hash      string    `json:"content_hash"`
	Format    Format    `json:"format"`
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (s Statement) name(f Format) string {
	return fileName(s.Tenant, s.CreatorID, s.Period, s.Hash, f)
}

func fileName(tenant ident.Tenant, creator ident.Creator, p Period, hash string, f Format) string {
	return string("statements/"+tenant+"/") + string(creator) + "/" + p.String() + "/" + hash + "." +
		string(f)
}

func (c Certificate) name(f Format) string {
	return string("certificates/"+c.Tenant+"/") + string(c.TaxpayerID) + "/" + c.year() + "/" +
		string(c.Entity.EntityID) + "/" + c.Hash + "." + string(f)
}

// Issue writes a statement in all formats; an error leaves it unissued, whatever was written
// before.
func (d *Documents) Issue(ctx context.Context, s Statement) error {
	for _, f := range []Format{PDF, XLSX} {
		if err := d.write(ctx, s.name(f), f, func() ([]byte, error) {
			return d.Set.Statement(ctx, s, f)
		}); err != nil {
			return err
		}
	}
	return nil
}

// write makes a document unless it is there.
func (d *Documents) write(ctx context.Context, name string, f Format,
	set func() ([]byte, error)) error {
	there, err := d.Files.Has(ctx, name)
	if err != nil || there {
		return err
	}
	body, err := set()
	if err != nil {
		return err
	}
	return d.Files.Put(ctx, name, f, body)
}

// StatementLink lends a statement as it stands now.
func (d *Documents) StatementLink(ctx context.Context, s Statement, f Format) (Link, error) {
	name := s.name(f)
	if err := d.write(ctx, name, f, func() ([]byte, error) {
		return d.Set.Statement(ctx, s, f)
	}); err != nil {
		return Link{}, err
	}
	return d.link(ctx, name, s.Number, s.Hash, f)
}

// SentLink lends a statement as it was sent or shown before, by its hash.
func (d *Documents) SentLink(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	p Period, hash string, f Format) (Link, error) {
	name := fileName(tenant, creator, p, hash, f)
	there, err := d.Files.Has(ctx, name)
	if err != nil {
		return Link{}, err
	}
	if !there {
		return Link{}, fault.Absent("statement with this content_hash")
	}
	return d.link(ctx, name, number(creator, p), hash, f)
}

// CertificateLink lends a certificate.
func (d *Documents) CertificateLink(ctx context.Context, c Certificate, f Format) (Link, error) {
	name := c.name(f)
	if err := d.write(ctx, name, f, func() ([]byte, error) {
		return d.Set.Certificate(ctx, c, f)
	}); err != nil {
		return Link{}, err
	}
	return d.link(ctx, name, c.Number, c.Hash, f)
}

func (d *Documents) link(ctx context.Context, name, number, hash string, f Format) (Link, error) {
	until := d.Now().Add(LinkLife)
	url, err := d.Files.Link(ctx, name, number+"."+string(f), f, LinkLife)
	return Link{Number: number, Hash: hash, Format: f, URL: url, ExpiresAt: until}, err
}
