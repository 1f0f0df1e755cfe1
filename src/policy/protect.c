/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lists. A folder stands for all that is below it. Names are those that programs on a Linux desktop
 * use; a place that is missing here is still protected by the rule that nothing is granted unless
 * somebody names it.
 */
#include "policy/protect.h"

#include "base/cleanup.h"
#include "base/path.h"

#include <string.h>

const struct protect_entry protect_entries[] = {
	{ ".ssh", PROTECT_CREDENTIALS },
	{ ".gnupg", PROTECT_CREDENTIALS },
	{ ".pki", PROTECT_CREDENTIALS },
	{ ".putty", PROTECT_CREDENTIALS },
	{ ".password-store", PROTECT_CREDENTIALS },
	{ ".local/share/keyrings", PROTECT_CREDENTIALS },
	{ ".local/share/kwalletd", PROTECT_CREDENTIALS },
	{ ".config/keepassxc", PROTECT_CREDENTIALS },
	{ ".config/Bitwarden", PROTECT_CREDENTIALS },
	{ ".config/Bitwarden CLI", PROTECT_CREDENTIALS },
	{ ".config/1Password", PROTECT_CREDENTIALS },
	{ ".config/op", PROTECT_CREDENTIALS },
	{ ".config/sops", PROTECT_CREDENTIALS },
	{ ".config/age", PROTECT_CREDENTIALS },
	{ ".aws", PROTECT_CREDENTIALS },
	{ ".azure", PROTECT_CREDENTIALS },
	{ ".oci", PROTECT_CREDENTIALS },
	{ ".config/gcloud", PROTECT_CREDENTIALS },
	{ ".config/doctl", PROTECT_CREDENTIALS },
	{ ".config/hcloud", PROTECT_CREDENTIALS },
	{ ".config/linode-cli", PROTECT_CREDENTIALS },
	{ ".config/scw", PROTECT_CREDENTIALS },
	{ ".config/stripe", PROTECT_CREDENTIALS },
	{ ".config/netlify", PROTECT_CREDENTIALS },
	{ ".config/vercel", PROTECT_CREDENTIALS },
	{ ".local/share/com.vercel.cli", PROTECT_CREDENTIALS },
	{ ".config/.wrangler", PROTECT_CREDENTIALS },
	{ ".wrangler", PROTECT_CREDENTIALS },
	{ ".fly", PROTECT_CREDENTIALS },
	{ ".railway", PROTECT_CREDENTIALS },
	{ ".config/configstore", PROTECT_CREDENTIALS },
	{ ".terraform.d", PROTECT_CREDENTIALS },
	{ ".terraformrc", PROTECT_CREDENTIALS },
	{ ".boto", PROTECT_CREDENTIALS },
	{ ".s3cfg", PROTECT_CREDENTIALS },
	{ ".config/rclone", PROTECT_CREDENTIALS },
	{ ".vault-token", PROTECT_CREDENTIALS },
	{ ".kube", PROTECT_CREDENTIALS },
	{ ".minikube", PROTECT_CREDENTIALS },
	{ ".config/helm", PROTECT_CREDENTIALS },
	{ ".docker", PROTECT_CREDENTIALS },
	{ ".config/containers", PROTECT_CREDENTIALS },
	{ ".local/share/containers", PROTECT_CREDENTIALS },
	{ ".local/share/docker", PROTECT_CREDENTIALS },
	{ ".ansible", PROTECT_CREDENTIALS },
	{ ".netrc", PROTECT_CREDENTIALS },
	{ ".git-credentials", PROTECT_CREDENTIALS },
	{ ".gitconfig", PROTECT_CREDENTIALS },
	{ ".config/git", PROTECT_CREDENTIALS },
	{ ".config/gh", PROTECT_CREDENTIALS },
	{ ".config/glab-cli", PROTECT_CREDENTIALS },
	{ ".config/hub", PROTECT_CREDENTIALS },
	{ ".config/tea", PROTECT_CREDENTIALS },
	{ ".npmrc", PROTECT_CREDENTIALS },
	{ ".yarnrc", PROTECT_CREDENTIALS },
	{ ".yarnrc.yml", PROTECT_CREDENTIALS },
	{ ".bunfig.toml", PROTECT_CREDENTIALS },
	{ ".pypirc", PROTECT_CREDENTIALS },
	{ ".pip", PROTECT_CREDENTIALS },
	{ ".config/pip", PROTECT_CREDENTIALS },
	{ ".config/uv", PROTECT_CREDENTIALS },
	{ ".local/share/uv/credentials", PROTECT_CREDENTIALS },
	{ ".config/pypoetry", PROTECT_CREDENTIALS },
	{ ".cargo/credentials", PROTECT_CREDENTIALS },
	{ ".cargo/credentials.toml", PROTECT_CREDENTIALS },
	{ ".gem/credentials", PROTECT_CREDENTIALS },
	{ ".local/share/gem/credentials", PROTECT_CREDENTIALS },
	{ ".m2/settings.xml", PROTECT_CREDENTIALS },
	{ ".m2/settings-security.xml", PROTECT_CREDENTIALS },
	{ ".gradle/gradle.properties", PROTECT_CREDENTIALS },
	{ ".nuget/NuGet", PROTECT_CREDENTIALS },
	{ ".composer/auth.json", PROTECT_CREDENTIALS },
	{ ".config/composer", PROTECT_CREDENTIALS },
	{ ".pgpass", PROTECT_CREDENTIALS },
	{ ".my.cnf", PROTECT_CREDENTIALS },
	{ ".mylogin.cnf", PROTECT_CREDENTIALS },
	{ ".huggingface", PROTECT_CREDENTIALS },
	{ ".cache/huggingface/token", PROTECT_CREDENTIALS },
	{ ".cache/huggingface/stored_tokens", PROTECT_CREDENTIALS },
	{ ".kaggle", PROTECT_CREDENTIALS },
	{ ".config/wandb", PROTECT_CREDENTIALS },
	{ ".config/filezilla", PROTECT_CREDENTIALS },
	{ ".config/remmina", PROTECT_CREDENTIALS },
	{ ".local/share/remmina", PROTECT_CREDENTIALS },
	{ ".config/goa-1.0", PROTECT_CREDENTIALS },
	{ ".config/kdeconnect", PROTECT_CREDENTIALS },
	{ ".Xauthority", PROTECT_CREDENTIALS },
	{ ".ICEauthority", PROTECT_CREDENTIALS },

	{ ".bitcoin", PROTECT_WALLET },
	{ ".ethereum", PROTECT_WALLET },
	{ ".electrum", PROTECT_WALLET },
	{ ".bitmonero", PROTECT_WALLET },
	{ "Monero", PROTECT_WALLET },
	{ ".litecoin", PROTECT_WALLET },
	{ ".dogecoin", PROTECT_WALLET },
	{ ".zcash", PROTECT_WALLET },
	{ ".foundry/keystores", PROTECT_WALLET },
	{ ".near-credentials", PROTECT_WALLET },
	{ ".config/solana", PROTECT_WALLET },
	{ ".config/Exodus", PROTECT_WALLET },
	{ ".config/atomic", PROTECT_WALLET },
	{ ".config/Ledger Live", PROTECT_WALLET },

	{ ".mozilla", PROTECT_BROWSER },
	{ ".config/mozilla", PROTECT_BROWSER },
	{ ".librewolf", PROTECT_BROWSER },
	{ ".waterfox", PROTECT_BROWSER },
	{ ".zen", PROTECT_BROWSER },
	{ ".tor-browser", PROTECT_BROWSER },
	{ ".local/share/torbrowser", PROTECT_BROWSER },
	{ ".config/chromium", PROTECT_BROWSER },
	{ ".config/google-chrome", PROTECT_BROWSER },
	{ ".config/google-chrome-beta", PROTECT_BROWSER },
	{ ".config/google-chrome-unstable", PROTECT_BROWSER },
	{ ".config/BraveSoftware", PROTECT_BROWSER },
	{ ".config/microsoft-edge", PROTECT_BROWSER },
	{ ".config/vivaldi", PROTECT_BROWSER },
	{ ".config/opera", PROTECT_BROWSER },
	{ ".config/epiphany", PROTECT_BROWSER },
	{ ".local/share/epiphany", PROTECT_BROWSER },
	{ ".config/falkon", PROTECT_BROWSER },
	{ ".local/share/qutebrowser", PROTECT_BROWSER },
	{ ".var/app", PROTECT_BROWSER },
	{ "snap", PROTECT_BROWSER },

	{ ".thunderbird", PROTECT_MAIL },
	{ ".config/evolution", PROTECT_MAIL },
	{ ".local/share/evolution", PROTECT_MAIL },
	{ ".local/share/geary", PROTECT_MAIL },
	{ ".local/share/kmail2", PROTECT_MAIL },
	{ "Mail", PROTECT_MAIL },
	{ "Maildir", PROTECT_MAIL },
	{ ".mail", PROTECT_MAIL },
	{ ".mutt", PROTECT_MAIL },
	{ ".muttrc", PROTECT_MAIL },
	{ ".config/mutt", PROTECT_MAIL },
	{ ".config/neomutt", PROTECT_MAIL },
	{ ".config/aerc", PROTECT_MAIL },
	{ ".mbsyncrc", PROTECT_MAIL },
	{ ".config/isyncrc", PROTECT_MAIL },
	{ ".msmtprc", PROTECT_MAIL },
	{ ".config/msmtp", PROTECT_MAIL },
	{ ".offlineimaprc", PROTECT_MAIL },
	{ ".purple", PROTECT_MAIL },
	{ ".config/Signal", PROTECT_MAIL },
	{ ".config/Slack", PROTECT_MAIL },
	{ ".config/discord", PROTECT_MAIL },
	{ ".config/Element", PROTECT_MAIL },
	{ ".local/share/TelegramDesktop", PROTECT_MAIL },
	{ ".config/teams-for-linux", PROTECT_MAIL },
	{ ".config/weechat", PROTECT_MAIL },
	{ ".irssi", PROTECT_MAIL },

	{ ".claude", PROTECT_CLIENT },
	{ ".claude.json", PROTECT_CLIENT },
	{ ".config/Claude", PROTECT_CLIENT },
	{ ".config/claude", PROTECT_CLIENT },
	{ ".cursor", PROTECT_CLIENT },
	{ ".cursor-server", PROTECT_CLIENT },
	{ ".config/Cursor", PROTECT_CLIENT },
	{ ".codeium", PROTECT_CLIENT },
	{ ".windsurf", PROTECT_CLIENT },
	{ ".config/Windsurf", PROTECT_CLIENT },
	{ ".gemini", PROTECT_CLIENT },
	{ ".antigravity", PROTECT_CLIENT },
	{ ".config/Antigravity", PROTECT_CLIENT },
	{ ".codex", PROTECT_CLIENT },
	{ ".copilot", PROTECT_CLIENT },
	{ ".config/github-copilot", PROTECT_CLIENT },
	{ ".kiro", PROTECT_CLIENT },
	{ ".config/Kiro", PROTECT_CLIENT },
	{ ".amazonq", PROTECT_CLIENT },
	{ ".opencode", PROTECT_CLIENT },
	{ ".config/opencode", PROTECT_CLIENT },
	{ ".local/share/opencode", PROTECT_CLIENT },
	{ "opencode.json", PROTECT_CLIENT },
	{ ".config/crush", PROTECT_CLIENT },
	{ ".config/goose", PROTECT_CLIENT },
	{ ".local/share/goose", PROTECT_CLIENT },
	{ ".config/Code", PROTECT_CLIENT },
	{ ".config/Code - Insiders", PROTECT_CLIENT },
	{ ".config/VSCodium", PROTECT_CLIENT },
	{ ".vscode", PROTECT_CLIENT },
	{ ".vscode-insiders", PROTECT_CLIENT },
	{ ".vscode-oss", PROTECT_CLIENT },
	{ ".vscode-server", PROTECT_CLIENT },
	{ ".config/zed", PROTECT_CLIENT },
	{ ".local/share/zed", PROTECT_CLIENT },
	{ ".config/JetBrains", PROTECT_CLIENT },
	{ ".local/share/JetBrains", PROTECT_CLIENT },
	{ ".junie", PROTECT_CLIENT },
	{ ".continue", PROTECT_CLIENT },
	{ ".cline", PROTECT_CLIENT },
	{ ".roo", PROTECT_CLIENT },
	{ ".qwen", PROTECT_CLIENT },
	{ ".factory", PROTECT_CLIENT },
	{ ".trae", PROTECT_CLIENT },
	{ ".config/Trae", PROTECT_CLIENT },
	{ ".augment", PROTECT_CLIENT },
	{ ".config/amp", PROTECT_CLIENT },
	{ ".warp", PROTECT_CLIENT },
	{ ".config/warp-terminal", PROTECT_CLIENT },
	{ ".lmstudio", PROTECT_CLIENT },
	{ ".config/LM Studio", PROTECT_CLIENT },
	{ ".ollama", PROTECT_CLIENT },
	{ ".config/io.datasette.llm", PROTECT_CLIENT },
	{ ".aider.conf.yml", PROTECT_CLIENT },
	{ ".mcp.json", PROTECT_CLIENT },
	{ ".mcp-auth", PROTECT_CLIENT },
	{ ".config/mcp", PROTECT_CLIENT },
	{ ".vim", PROTECT_CLIENT },
	{ ".vimrc", PROTECT_CLIENT },
	{ ".viminfo", PROTECT_CLIENT },
	{ ".config/nvim", PROTECT_CLIENT },
	{ ".local/share/nvim", PROTECT_CLIENT },
	{ ".local/state/nvim", PROTECT_CLIENT },
	{ ".emacs", PROTECT_CLIENT },
	{ ".emacs.d", PROTECT_CLIENT },
	{ ".config/emacs", PROTECT_CLIENT },

	{ ".profile", PROTECT_SHELL },
	{ ".bashrc", PROTECT_SHELL },
	{ ".bash_profile", PROTECT_SHELL },
	{ ".bash_login", PROTECT_SHELL },
	{ ".bash_logout", PROTECT_SHELL },
	{ ".bash_aliases", PROTECT_SHELL },
	{ ".bash_history", PROTECT_SHELL },
	{ ".zshrc", PROTECT_SHELL },
	{ ".zshenv", PROTECT_SHELL },
	{ ".zprofile", PROTECT_SHELL },
	{ ".zlogin", PROTECT_SHELL },
	{ ".zlogout", PROTECT_SHELL },
	{ ".zsh_history", PROTECT_SHELL },
	{ ".zhistory", PROTECT_SHELL },
	{ ".histfile", PROTECT_SHELL },
	{ ".oh-my-zsh", PROTECT_SHELL },
	{ ".config/zsh", PROTECT_SHELL },
	{ ".config/fish", PROTECT_SHELL },
	{ ".local/share/fish", PROTECT_SHELL },
	{ ".config/nushell", PROTECT_SHELL },
	{ ".local/share/atuin", PROTECT_SHELL },
	{ ".kshrc", PROTECT_SHELL },
	{ ".inputrc", PROTECT_SHELL },
	{ ".tmux.conf", PROTECT_SHELL },
	{ ".config/tmux", PROTECT_SHELL },
	{ ".screenrc", PROTECT_SHELL },
	{ ".pam_environment", PROTECT_SHELL },
	{ ".python_history", PROTECT_SHELL },
	{ ".node_repl_history", PROTECT_SHELL },
	{ ".psql_history", PROTECT_SHELL },
	{ ".mysql_history", PROTECT_SHELL },
	{ ".sqlite_history", PROTECT_SHELL },
	{ ".rediscli_history", PROTECT_SHELL },
	{ ".lesshst", PROTECT_SHELL },
	{ ".wget-hsts", PROTECT_SHELL },
	{ ".config/direnv", PROTECT_SHELL },
	{ ".local/share/direnv", PROTECT_SHELL },

	{ ".config/autostart", PROTECT_SESSION },
	{ ".config/systemd", PROTECT_SESSION },
	{ ".local/share/systemd", PROTECT_SESSION },
	{ ".config/environment.d", PROTECT_SESSION },
	{ ".local/share/dbus-1", PROTECT_SESSION },
	{ ".local/share/applications", PROTECT_SESSION },
	{ ".config/mimeapps.list", PROTECT_SESSION },
	{ ".config/dconf", PROTECT_SESSION },
	{ ".config/plasma-workspace", PROTECT_SESSION },
	{ ".config/i3", PROTECT_SESSION },
	{ ".config/sway", PROTECT_SESSION },
	{ ".config/hypr", PROTECT_SESSION },
	{ ".config/openbox", PROTECT_SESSION },
	{ ".xprofile", PROTECT_SESSION },
	{ ".xinitrc", PROTECT_SESSION },
	{ ".xsession", PROTECT_SESSION },
	{ ".xsessionrc", PROTECT_SESSION },
	{ ".xsession-errors", PROTECT_SESSION },

	{ ".config/mcpcage", PROTECT_OWN },
	{ ".local/state/mcpcage", PROTECT_OWN },
	{ ".local/share/mcpcage", PROTECT_OWN },
	{ ".cache/mcpcage", PROTECT_OWN },
};

const size_t protect_entries_n = ARRAY_SIZE(protect_entries);

const char *protect_reason(enum protect_why why)
{
	switch (why) {
	case PROTECT_CREDENTIALS:
		return "holds credentials";
	case PROTECT_WALLET:
		return "holds a wallet";
	case PROTECT_BROWSER:
		return "holds browsers' profiles";
	case PROTECT_MAIL:
		return "holds mail or messages";
	case PROTECT_CLIENT:
		return "holds the configuration of an editor or MCP client";
	case PROTECT_SHELL:
		return "holds a shell's start-up files or history";
	case PROTECT_SESSION:
		return "decides what your desktop session starts";
	case PROTECT_OWN:
		break;
	}
	return "holds mcpcage's own policy or records";
}

int protect_list(const char *home, struct strlist *paths)
{
	for (size_t i = 0; i < protect_entries_n; i++)
		if (strlist_take(paths, path_join(home, protect_entries[i].path)) < 0)
			return -1;
	return 0;
}

/* Whether PATH is a folder right below DIR. */
static bool is_child(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return path && path_within(path, dir) && path[n] == '/' && !strchr(path + n + 1, '/');
}

bool protect_is_home(const char *path, const struct protect_homes *homes)
{
	return (homes->home && strcmp(path, homes->home) == 0) || (homes->other && strcmp(path, homes->other) == 0);
}

static bool in_home(const char *path, const struct protect_homes *homes)
{
	return (homes->home && path_within(path, homes->home)) || (homes->other && path_within(path, homes->other));
}

const char *protect_never(const char *path, const struct protect_homes *homes)
{
	static const struct {
		const char *path;
		bool below; /* and everything below it */
		const char *why;
	} never[] = {
		{ "/", false, "it is the whole system" },
		{ "/proc", true, "the cage has its own /proc" },
		{ "/sys", true, "it is the kernel's" },
		{ "/dev", true, "devices are not granted; the cage has its own /dev" },
		{ "/tmp", false, "programs leave sockets and secrets there; the cage has its own /tmp" },
		{ "/var/tmp", false, "the cage has its own" },
		{ "/etc", false, "the cage has its own, with what runtimes need; name the files" },
		{ "/var", false, "it is too much of the system; name a folder in it" },
		{ "/home", false, "it holds all users' home folders" },
		{ "/run/media", false, "name a folder in it" },
		{ "/var/run", true, "the sockets of the system's services are there" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (strcmp(path, never[i].path) == 0 || (never[i].below && path_within(path, never[i].path)))
			return never[i].why;
	/* Removable media is the one thing below /run that people keep files on. */
	if (path_within(path, "/run") && !path_within(path, "/run/media"))
		return "the sockets of the system's services are there";
	if (in_home(path, homes))
		return NULL;
	if ((homes->home && path_within(homes->home, path)) || (homes->other && path_within(homes->other, path)))
		return "your home folder is in it";
	if (strcmp(path, "/root") == 0 || is_child(path, "/home"))
		return "it is another user's home folder";
	return NULL;
}

const char *protect_argument(const char *path, const struct protect_homes *homes)
{
	if (protect_is_home(path, homes))
		return "it is your home folder";
	if (path_within(path, "/etc"))
		return "it is the system's configuration";
	if (in_home(path, homes))
		return NULL;
	/* What other users keep in theirs is theirs to hand out, not an argument's. */
	if (path_within(path, "/root"))
		return "it is in another user's home folder";
	if (path_within(path, "/home") && (is_child(homes->home, "/home") || is_child(homes->other, "/home")))
		return "it is in another user's home folder";
	return NULL;
}
