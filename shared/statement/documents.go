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

// MediaType is the media type of a format.
func (f Format) MediaType() string {
	if f == PDF {
		return "application/pdf"
	}
	return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
}

// Files keeps documents, each written once under a name that has the hash of its content.
type Files interface {
	// Has tells whether a document is there.
	HasFile(ctx context.Context, name string) (bool, error)
	// Put writes a document; one that is there already stays.
	PutFile(ctx context.Context, name string, format Format, body []byte) error
	// Link gives an address from which anybody who has it can fetch a document until a time.
	PresignLink(ctx context.Context, name, as string, format Format, life time.Duration) (string, error)
}

// Typesetter writes documents. A letter that its font lacks is fault.RuleMissing with reason
// glyph_missing.
type Typesetter interface {
	TypesetStatement(ctx context.Context, s Statement, f Format) ([]byte, error)
	TypesetCertificate(ctx context.Context, c Certificate, f Format) ([]byte, error)
}

// Documents writes, keeps and lends documents.
type Documents struct {
	Files      Files
	Typesetter Typesetter
	Now        func() time.Time
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

func (s Statement) fileName(f Format) string {
	return statementFileName(s.Tenant, s.CreatorID, s.Period, s.Hash, f)
}

func statementFileName(tenant ident.Tenant, creator ident.Creator, p Period, hash string, f Format) string {
	return string("statements/"+tenant+"/") + string(creator) + "/" + p.String() + "/" + hash + "." +
		string(f)
}

func (c Certificate) fileName(f Format) string {
	return string("certificates/"+c.Tenant+"/") + string(c.TaxpayerID) + "/" + c.yearText() + "/" +
		string(c.Entity.EntityID) + "/" + c.Hash + "." + string(f)
}

// StoreStatement writes a statement in all formats; an error leaves it unissued, whatever was written
// before.
func (d *Documents) StoreStatement(ctx context.Context, s Statement) error {
	for _, f := range []Format{PDF, XLSX} {
		if err := d.writeIfAbsent(ctx, s.fileName(f), f, func() ([]byte, error) {
			return d.Typesetter.TypesetStatement(ctx, s, f)
		}); err != nil {
			return err
		}
	}
	return nil
}

// writeIfAbsent makes a document unless it is there.
func (d *Documents) writeIfAbsent(ctx context.Context, name string, f Format,
	set func() ([]byte, error)) error {
	there, err := d.Files.HasFile(ctx, name)
	if err != nil || there {
		return err
	}
	body, err := set()
	if err != nil {
		return err
	}
	return d.Files.PutFile(ctx, name, f, body)
}

// LinkStatement lends a statement as it stands now.
func (d *Documents) LinkStatement(ctx context.Context, s Statement, f Format) (Link, error) {
	name := s.fileName(f)
	if err := d.writeIfAbsent(ctx, name, f, func() ([]byte, error) {
		return d.Typesetter.TypesetStatement(ctx, s, f)
	}); err != nil {
		return Link{}, err
	}
	return d.newLink(ctx, name, s.Number, s.Hash, f)
}

// LinkSentStatement lends a statement as it was sent or shown before, by its hash.
func (d *Documents) LinkSentStatement(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	p Period, hash string, f Format) (Link, error) {
	name := statementFileName(tenant, creator, p, hash, f)
	there, err := d.Files.HasFile(ctx, name)
	if err != nil {
		return Link{}, err
	}
	if !there {
		return Link{}, fault.Absent("statement with this content_hash")
	}
	return d.newLink(ctx, name, statementNumber(creator, p), hash, f)
}

// LinkCertificate lends a certificate.
func (d *Documents) LinkCertificate(ctx context.Context, c Certificate, f Format) (Link, error) {
	name := c.fileName(f)
	if err := d.writeIfAbsent(ctx, name, f, func() ([]byte, error) {
		return d.Typesetter.TypesetCertificate(ctx, c, f)
	}); err != nil {
		return Link{}, err
	}
	return d.newLink(ctx, name, c.Number, c.Hash, f)
}

func (d *Documents) newLink(ctx context.Context, name, number, hash string, f Format) (Link, error) {
	until := d.Now().Add(LinkLife)
	url, err := d.Files.PresignLink(ctx, name, number+"."+string(f), f, LinkLife)
	return Link{Number: number, Hash: hash, Format: f, URL: url, ExpiresAt: until}, err
}
