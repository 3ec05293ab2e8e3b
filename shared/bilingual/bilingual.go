// Package bilingual has the text that people read in both languages of the house.
package bilingual

// Text is a sentence in Chinese and in English. Its form in JSON is stored and public.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}
