// Package bilingual has the type of texts that people read in Chinese and in English.
package bilingual

// Text is a text in Chinese and in English. Its JSON form is stored and is part of the HTTP
// contract.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}
