package printing

import (
	"context"
	"errors"
	"sync"

	"fenzhang/shared/fault"
	"fenzhang/shared/statement"
)

// Typesetter sets documents in the font that a source gives; the font is read when the first document
// needs it and kept. It implements statement.Typesetter.
type Typesetter struct {
	ReadFont func(context.Context) ([]byte, error) // the font's file

	mu   sync.Mutex
	font *Font
}

var _ statement.Typesetter = (*Typesetter)(nil)

// loadFont gives the font; a failed read is tried again by the next document.
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

// hideInternalError hides what only the log should tell.
func hideInternalError(body []byte, err error) ([]byte, error) {
	var known *fault.Error
	if err != nil && !errors.As(err, &known) {
		return nil, fault.Internal(err)
	}
	return body, err
}
