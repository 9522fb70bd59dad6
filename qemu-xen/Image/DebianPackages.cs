using System.Formats.Tar;
using System.Security.Cryptography;
using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Image;

/// <summary>A package's candidate version in apt, and the names it depends on (first alternatives).</summary>
internal sealed record DebianPackage(string Name, string Version, string Sha256, IReadOnlyList<string> Depends)
{
    /// <summary>Parses the output of <c>apt-cache show</c>.</summary>
    public static List<DebianPackage> Parse(string stanzas)
    {
        List<DebianPackage> packages = new();
        foreach (string stanza in stanzas.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            Dictionary<string, string> fields = new(StringComparer.Ordinal);
            foreach (string line in stanza.Split('\n'))
            {
                int colon = line.IndexOf(':', StringComparison.Ordinal);
                if (colon > 0 && line[0] != ' ')
                {
                    fields[line[..colon]] = line[(colon + 1)..].Trim();
                }
            }

            if (fields.TryGetValue("Package", out string? name) && fields.TryGetValue("Version", out string? version))
            {
                packages.Add(new(name, version, fields.GetValueOrDefault("SHA256", ""), DependsNames(fields)));
            }
        }

        return packages;
    }

    private static List<string> DependsNames(Dictionary<string, string> fields)
    {
        List<string> names = new();
        foreach (string field in new[] { "Pre-Depends", "Depends" })
        {
            foreach (string clause in fields.GetValueOrDefault(field, "").Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                string name = clause.Split('|')[0].Trim().Split(' ', '(', ':')[0];
                if (name.Length > 0)
                {
                    names.Add(name);
                }
            }
        }

        return names;
    }
}

/// <summary>Finds, downloads and reads Debian packages with the host's own apt and dpkg, which check signatures and checksums.</summary>
/// <param name="downloads">The directory of downloaded packages.</param>
/// <param name="progress">Receives a line for each step that takes time.</param>
internal sealed class DebianPackages(string downloads, IProgress<string> progress)
{
    private const string UpdateCommand = "apt-get update";
    private bool _isUpdated;

    /// <summary>Gets the candidate versions of the named packages from apt.</summary>
    /// <exception cref="QemuXenException">A package is unknown even after updating the lists.</exception>
    public async Task<IReadOnlyList<DebianPackage>> FindAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        while (true)
        {
            List<DebianPackage> found = [];
            string reason = "";
            try
            {
                string output = await HostCommand.RunAsync(
                    "apt-cache", ["show", "--no-all-versions", .. names], cancellationToken: cancellationToken);
                found = DebianPackage.Parse(output);
            }
            catch (QemuXenException e)
            {
                reason = e.Message;
            }

            string[] missing = [.. names.Where(name => !found.Exists(package => package.Name == name))];
            if (missing.Length == 0)
            {
                return found;
            }

            if (!await UpdateAsync(cancellationToken))
            {
                throw new QemuXenException(
                    $"apt does not offer {string.Join(", ", missing)}. Debian 12 with its main archive is needed; " +
                    $"if the package lists are missing or old, run as root: {UpdateCommand}. {reason}".TrimEnd());
            }
        }
    }

    /// <summary>
    /// Returns the path of each package's file. Downloads those of which no file with the right checksum exists, by one command: apt takes
    /// a second to read its lists, whatever it is asked for.
    /// </summary>
    /// <exception cref="QemuXenException">One cannot be downloaded.</exception>
    public async Task<IReadOnlyList<string>> DownloadAsync(
        IReadOnlyList<DebianPackage> packages, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(downloads);
        string?[] paths = [.. packages.Select(Cached)];
        DebianPackage[] missing = [.. packages.Where((_, index) => paths[index] is null)];
        if (missing.Length > 0)
        {
            progress.Report($"fetching {string.Join(", ", missing.Select(package => $"{package.Name} {package.Version}"))}");
            try
            {
                await FetchAsync(missing, cancellationToken);
            }
            catch (QemuXenException failure) when (!_isUpdated && Environment.IsPrivilegedProcess)
            {
                // The archive drops a version when its successor appears; updated lists name the successor.
                await UpdateAsync(cancellationToken);
                throw new QemuXenException(
                    $"a package is no longer in the archive; the package lists have been updated, start again. {failure.Message}", failure);
            }
        }

        return
        [
            .. packages.Select((package, index) => paths[index] ?? Cached(package) ?? throw new QemuXenException(
                $"apt-get download {package.Name} left no file with the checksum of version {package.Version}.")),
        ];
    }

    /// <summary>
    /// Reads the wanted files of a package, by their paths without the leading "./". Links are returned as their targets.
    /// </summary>
    public static async Task<List<PackageFile>> ReadAsync(string path, Func<string, bool> wanted, CancellationToken cancellationToken)
    {
        List<PackageFile> files = new();
        await HostCommand.ReadAsync(
            "dpkg-deb", ["--fsys-tarfile", path], tar => ReadTar(tar, wanted, files), cancellationToken: cancellationToken);
        return files;
    }

    private static void ReadTar(Stream tar, Func<string, bool> wanted, List<PackageFile> files)
    {
        using TarReader reader = new(tar, leaveOpen: true);
        while (reader.GetNextEntry() is { } entry)
        {
            string name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
            if (!wanted(name))
            {
                continue;
            }

            if (entry.EntryType == TarEntryType.SymbolicLink)
            {
                files.Add(new(name, [], entry.LinkName));
            }
            else if (entry.DataStream is { } data)
            {
                byte[] content = new byte[entry.Length];
                data.ReadExactly(content);
                files.Add(new(name, content, null));
            }
        }
    }

    private async Task FetchAsync(IEnumerable<DebianPackage> packages, CancellationToken cancellationToken)
    {
        // apt's unprivileged download user could not write to a directory of root. The option also prevents its warning.
        await HostCommand.RunAsync(
            "apt-get",
            [
                "-qq", "-o", "APT::Sandbox::User=root", "download",
                .. packages.Select(package => $"{package.Name}={package.Version}"),
            ],
            downloads,
            cancellationToken: cancellationToken);
    }

    private string? Cached(DebianPackage package)
    {
        foreach (string path in Directory.EnumerateFiles(downloads, package.Name + "_*.deb"))
        {
            using FileStream file = File.OpenRead(path);
            if (Convert.ToHexStringLower(SHA256.HashData(file)) == package.Sha256)
            {
                return path;
            }
        }

        return null;
    }

    private async Task<bool> UpdateAsync(CancellationToken cancellationToken)
    {
        if (_isUpdated || !Environment.IsPrivilegedProcess)
        {
            return false;
        }

        _isUpdated = true;
        progress.Report("updating apt's package lists");
        await HostCommand.RunAsync("apt-get", ["-qq", "update"], cancellationToken: cancellationToken);
        return true;
    }
}

/// <summary>A file of a package: its path without a leading slash, and its bytes or, for a symbolic link, its target.</summary>
internal sealed record PackageFile(string Path, byte[] Content, string? LinkTarget);
