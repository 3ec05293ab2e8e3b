package printing

import (
	"context"
	"errors"
	"sync"

	"fenzhang/shared/fault"
	"fenzhang/shared/statement"
)

// Typesetter renders documents in a font that it reads for the first document and keeps. It
// implements statement.Typesetter.
type Typesetter struct {
	// ReadFont reads the file of the font.
	ReadFont func(context.Context) ([]byte, error)

	mu   sync.Mutex
	font *Font
}

var _ statement.Typesetter = (*Typesetter)(nil)

// loadFont returns the font; after a failed read the next document tries again.
func (s *Typesetter) loadFont(ctx context.Context) (*Font, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.font != nil {
		return s.font, nil
	}
	data, err := s.ReadFont(ctx)
	if err != nil {
		return nil, err
	}
	font, err := ParseFont(data)
	if err != nil {
		return nil, fault.Internal(err)
	}
	s.font = font
	return font, nil
}

// TypesetStatement implements statement.Typesetter.
func (s *Typesetter) TypesetStatement(ctx context.Context, st statement.Statement,
	f statement.Format) ([]byte, error) {
	if f == statement.XLSX {
		return hideInternalError(statementXLSX(st))
	}
	font, err := s.loadFont(ctx)
	if err != nil {
		return nil, err
	}
	return hideInternalError(font.statementPDF(st))
}

// TypesetCertificate implements statement.Typesetter.
func (s *Typesetter) TypesetCertificate(ctx context.Context, c statement.Certificate,
	f statement.Format) ([]byte, error) {
	if f == statement.XLSX {
		return hideInternalError(certificateXLSX(c))
	}
	font, err := s.loadFont(ctx)
	if err != nil {
		return nil, err
	}
	return hideInternalError(font.certificatePDF(c))
}

// hideInternalError wraps an error that is not of package fault as an internal error, whose text
// only the log shows.
func hideInternalError(body []byte, err error) ([]byte, error) {
	var known *fault.Error
	if err != nil && !errors.As(err, &known) {
		return nil, fault.Internal(err)
	}
	return body, err
}
