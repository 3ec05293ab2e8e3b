package statement

import (
	"context"
	"time"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// Format is a file format of documents.
type Format string

// The formats of documents.
const (
	PDF  Format = "pdf"
	XLSX Format = "xlsx"
)

// MediaType returns the media type (Content-Type) of a format.
func (f Format) MediaType() string {
	if f == PDF {
		return "application/pdf"
	}
	return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
}

// Files stores documents. Each document is written once, under a name that contains the hash of its
// content.
type Files interface {
	// HasFile reports whether a document is stored.
	HasFile(ctx context.Context, name string) (bool, error)
	// PutFile writes a document; a document that is stored under the name already is kept.
	PutFile(ctx context.Context, name string, format Format, body []byte) error
	// PresignLink returns an address from which anybody who has it can download a document until its
	// life ends.
	PresignLink(ctx context.Context, name, as string, format Format,
		life time.Duration) (string, error)
}

// Typesetter renders documents as files. A character that the font lacks is fault.RuleMissing with
// the reason glyph_missing.
type Typesetter interface {
	TypesetStatement(ctx context.Context, s Statement, f Format) ([]byte, error)
	TypesetCertificate(ctx context.Context, c Certificate, f Format) ([]byte, error)
}

// Documents renders and stores documents, and issues links for downloading them.
type Documents struct {
	Files      Files
	Typesetter Typesetter
	Now        func() time.Time
}

// LinkLife is how long a link to a document works.
const LinkLife = 5 * time.Minute

// Link is an address from which a document can be downloaded.
type Link struct {
	Number    string    `json:"number"`
	Hash      string    `json:"content_hash"`
	Format    Format    `json:"format"`
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// fileName returns the name under which the statement is stored in a format.
func (s Statement) fileName(f Format) string {
	return statementFileName(s.Tenant, s.CreatorID, s.Period, s.Hash, f)
}

// statementFileName returns the name of the file of a statement with a given content hash.
func statementFileName(tenant ident.Tenant, creator ident.Creator, p Period, hash string,
	f Format) string {
	return string("statements/"+tenant+"/") + string(creator) + "/" + p.String() + "/" + hash + "." +
		string(f)
}

// fileName returns the name under which the certificate is stored in a format.
func (c Certificate) fileName(f Format) string {
	return string("certificates/"+c.Tenant+"/") + string(c.TaxpayerID) + "/" + c.yearText() + "/" +
		string(c.Entity.EntityID) + "/" + c.Hash + "." + string(f)
}

// StoreStatement renders and stores a statement in all formats. After an error the statement must
// not be sent, even if one format was stored.
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

// writeIfAbsent renders and stores a document unless it is stored already.
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

// LinkStatement returns a link to a statement as its facts are now.
func (d *Documents) LinkStatement(ctx context.Context, s Statement, f Format) (Link, error) {
	name := s.fileName(f)
	if err := d.writeIfAbsent(ctx, name, f, func() ([]byte, error) {
		return d.Typesetter.TypesetStatement(ctx, s, f)
	}); err != nil {
		return Link{}, err
	}
	return d.newLink(ctx, name, s.Number, s.Hash, f)
}

// LinkSentStatement returns a link to a statement that was sent or shown before, identified by its
// content hash.
func (d *Documents) LinkSentStatement(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator,
	p Period, hash string, f Format) (Link, error) {
	name := statementFileName(tenant, creator, p, hash, f)
	there, err := d.Files.HasFile(ctx, name)
	if err != nil {
		return Link{}, err
	}
	if !there {
		return Link{}, fault.MissingObject("statement with this content_hash")
	}
	return d.newLink(ctx, name, statementNumber(creator, p), hash, f)
}

// LinkCertificate returns a link to a certificate.
func (d *Documents) LinkCertificate(ctx context.Context, c Certificate, f Format) (Link, error) {
	name := c.fileName(f)
	if err := d.writeIfAbsent(ctx, name, f, func() ([]byte, error) {
		return d.Typesetter.TypesetCertificate(ctx, c, f)
	}); err != nil {
		return Link{}, err
	}
	return d.newLink(ctx, name, c.Number, c.Hash, f)
}

// newLink signs a link to a stored document.
func (d *Documents) newLink(ctx context.Context, name, number, hash string,
	f Format) (Link, error) {
	until := d.Now().Add(LinkLife)
	url, err := d.Files.PresignLink(ctx, name, number+"."+string(f), f, LinkLife)
	return Link{Number: number, Hash: hash, Format: f, URL: url, ExpiresAt: until}, err
}
