package testenv

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// Nginx returns a command line of Debian's nginx, which serves the files below a directory at
// an address. bytesPerSecond limits each of its responses; 0 is no limit.
func Nginx(t testing.TB, root string, addr netip.AddrPort, bytesPerSecond int) []string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "nginx.conf")
	writeConfig(t, config, fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr warn;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]v;
		root %[3]s;
		limit_rate %[4]d;
	}
}
`, dir, addr, root, bytesPerSecond))
	return []string{Program(t, "nginx"), "-p", dir, "-e", "stderr", "-c", config}
}

// Apache returns a command line of Debian's Apache, which serves the files below a
// directory at an address. All users may read them then.
func Apache(t testing.TB, root string, addr netip.AddrPort) []string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "apache.conf")
	writeConfig(t, config, fmt.Sprintf(`
ServerRoot %[1]s
ServerName localhost
PidFile %[1]s/pid
DefaultRuntimeDir %[1]s
Listen %[2]v
ErrorLog /dev/stderr
User nobody
Group nogroup
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
DocumentRoot %[3]s
<Directory %[3]s>
	Require all granted
</Directory>
`, dir, addr, root))
	for _, open := range []string{root, filepath.Dir(root)} { // as root, it reads files as user nobody
		if err := os.Chmod(open, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return []string{Program(t, "apache2"), "-X", "-f", config}
}

func writeConfig(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
