package rulebook

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"fenzhang/shared/civil"
)

// screens is where the pictures of the pages are left for people to look at.
var screens = filepath.Join("..", "..", "..", ".local", "rulebook-screens")

// browser starts a real browser, or skips where the machine has none. What its pages complain about is collected.
func browser(t *testing.T) (ctx context.Context, complaints func() []string) {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("NO BROWSER: install chromium, and the book is opened in it; .ci/run does")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	limited, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	allocated, stop := chromedp.NewExecAllocator(limited, options...)
	t.Cleanup(stop)
	tab, closeTab := chromedp.NewContext(allocated)
	t.Cleanup(closeTab)
	var mu sync.Mutex
	var list []string
	err := chromedp.Listen(tab, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			list = append(list, e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			list = append(list, "console: "+string(e.Type))
		case *log.EventEntryAdded: // a file that is not there is told here
			list = append(list, e.Entry.Text+" "+e.Entry.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return tab, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return list
	}
}

// book writes the book and serves it to the browser.
func book(t *testing.T) (folder, address string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "book")
	var out strings.Builder
	if err := writeBook(folder, "2026-11-22", civil.MustDate("2026-11-22").Start(), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), filepath.Join(folder, "index.html")+"\n") {
		t.Errorf("the last line does not say where the book lies: %q", out.String())
	}
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	t.Cleanup(server.Close)
	return folder, server.URL
}

// The book opens in a real browser, in both languages, wide and narrow, from a server and from a folder: titles and
// headings are there, the links of a page lead somewhere, nothing complains, and no page is wider than the screen.
func TestBrowser(t *testing.T) {
	ctx, complaints := browser(t)
	folder, address := book(t)
	if err := os.MkdirAll(screens, 0o755); err != nil {
		t.Fatal(err)
	}
	pages := []struct{ name, path, title, says string }{
		{"front", "index.html", "创作者收入税收规则手册 · Rule book: taxes on creators' income", "Read in English"},
		{"index-zh", "zh/index.html", "创作者收入税收规则手册", "个人所得税：劳务报酬"},
		{"index-en", "en/index.html", "Rule book: taxes on creators' income", "Income tax: labor remuneration"},
		{"threshold-zh", "zh/rules/vat.threshold.month.html", "小规模纳税人按月起征点 · 创作者收入税收规则手册", "100,000.00"},
		{"method-en", "en/rules/iit.labor.one_off.html", "Labor remuneration of residents, one-off withholding · Rule book: taxes on creators' income", "income x (1 - cost_rate)"},
		{"regime-zh", "zh/rules/regime.labor.html", "普通支付方向居民自然人付款 · 创作者收入税收规则手册", "禁止的做法"},
		{"places-zh", "zh/places.html", "按地区 · 创作者收入税收规则手册", "新疆"},
		{"place-en", "en/110000/index.html", "Beijing · Rule book: taxes on creators' income", "Monthly"},
		{"gaps-en", "en/gaps.html", "Gaps · Rule book: taxes on creators' income", "tax position"},
		{"brackets-zh", "zh/rules/iit.brackets.annual.html", "", "960,000.00"},
		{"sources-zh", "zh/sources.html", "文件索引 · 创作者收入税收规则手册", "主席令第41号"},
	}
	for _, screen := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 900}, {"phone", 390, 844}} {
		for _, p := range pages {
			show := chromedp.Steps(chromedp.EmulateViewport(screen.width, screen.height), chromedp.Navigate(address+"/"+p.path))
			if err := chromedp.Do(ctx, show); err != nil {
				t.Fatalf("%s: %v", p.path, err)
			}
			title, text := ask(ctx, t, chromedp.Title()), ask(ctx, t, chromedp.Text(chromedp.CSS("main")))
			wide := ask(ctx, t, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > window.innerWidth`))
			picture := ask(ctx, t, chromedp.CaptureScreenshot())
			if (p.title != "" && title != p.title) || !strings.Contains(text, p.says) {
				t.Errorf("%s on a %s: title %q, says %q: %t", p.path, screen.name, title, p.says, strings.Contains(text, p.says))
			}
			if wide {
				t.Errorf("%s is wider than a %s", p.path, screen.name)
			}
			if err := os.WriteFile(filepath.Join(screens, p.name+"-"+screen.name+".png"), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	follow(ctx, t, address)
	if err := chromedp.Do(ctx, chromedp.Navigate("file://"+filepath.ToSlash(folder)+"/en/index.html")); err != nil {
		t.Fatal(err)
	}
	if title := ask(ctx, t, chromedp.Title()); title != "Rule book: taxes on creators' income" {
		t.Errorf("from a folder: %q", title)
	}
	if c := complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}

// ask runs an action that gives something.
func ask[T any](ctx context.Context, t *testing.T, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// follow goes as a reader does: from the front to a rule, to a rule it uses, and over to the other language.
func follow(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	click := func(link, until string) chromedp.Action[chromedp.Void] {
		return chromedp.Steps(chromedp.Click(chromedp.CSS(link)), chromedp.WaitVisible(chromedp.CSS(until)))
	}
	err := chromedp.Do(ctx, chromedp.Navigate(address+"/index.html"), click(`a[hreflang="en"]`, "#labor"), click(`a[href="rules/iit.labor.one_off.html"]`, "#steps"),
		click(`a[href="../rules/iit.brackets.labor.html"]`, "table.figures"), click("a.language", `html[lang="zh-CN"] table.figures`))
	if err != nil {
		t.Fatal(err)
	}
	if here, heading := ask(ctx, t, chromedp.Location()), ask(ctx, t, chromedp.Text(chromedp.CSS("h1"))); here != address+"/zh/rules/iit.brackets.labor.html" || !strings.Contains(heading, "劳务报酬") {
		t.Errorf("led to %s with %q", here, heading)
	}
	links := ask(ctx, t, chromedp.Evaluate[[]string](`[...document.links].map(a => a.href)`))
	if len(links) < 10 {
		t.Fatalf("only %d links", len(links))
	}
	for _, l := range links {
		if !strings.HasPrefix(l, address) {
			continue
		}
		res, err := http.Get(l)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s: %v", l, err)
			continue
		}
		_ = res.Body.Close()
	}
}

// The command replaces an older book and nothing else.
func TestFolderOfSomethingElseIsKept(t *testing.T) {
	folder := t.TempDir()
	other := filepath.Join(folder, "letter.txt")
	if err := os.WriteFile(other, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := writeBook(folder, "2026-11-22", time.Time{}, &out); err == nil || !strings.Contains(err.Error(), "no rule book") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
	if err := writeBook(filepath.Join(folder, "book"), "2026-11-31", time.Time{}, &out); err == nil || !strings.HasPrefix(err.Error(), "date") {
		t.Errorf("a day that is none: %v", err)
	}
}
