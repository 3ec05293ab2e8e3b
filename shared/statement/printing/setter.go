package printing

import (
	"context"
	"errors"
	"sync"

	"fenzhang/shared/fault"
	"fenzhang/shared/statement"
)

// Setter sets documents in the font that a source gives; the font is read when the first document
// needs it and kept. It implements statement.Typesetter.
type Setter struct {
	Read func(context.Context) ([]byte, error) // the font's file

	mu   sync.Mutex
	font *Font
}

var _ statement.Typesetter = (*Setter)(nil)

// read gives the font; a failed read is tried again by the next document.
func (s *Setter) read(ctx context.Context) (*Font, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.font != nil {
		return s.font, nil
	}
	data, err := s.Read(ctx)
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

// Statement implements statement.Typesetter.
func (s *Setter) Statement(ctx context.Context, st statement.Statement,
	f statement.Format) ([]byte, error) {
	if f == statement.XLSX {
		return printed(statementXLSX(st))
	}
	font, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	return printed(font.statementPDF(st))
}

// Certificate implements statement.Typesetter.
func (s *Setter) Certificate(ctx context.Context, c statement.Certificate,
	f statement.Format) ([]byte, error) {
	if f == statement.XLSX {
		return printed(certificateXLSX(c))
	}
	font, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	return printed(font.certificatePDF(c))
}

// printed hides what only the log should tell.
func printed(body []byte, err error) ([]byte, error) {
	var known *fault.Error
	if err != nil && !errors.As(err, &known) {
		return nil, fault.Internal(err)
	}
	return body, err
}
