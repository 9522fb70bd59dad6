namespace Xenlet.Linker.Files;

/// <summary>A file of an image.</summary>
/// <param name="Path">Its path below the program's directory, with slashes; one that begins with a slash is below the root.</param>
/// <param name="Content">Its content.</param>
public sealed record ImageFile(string Path, byte[] Content);

/// <summary>What an image has beside its program: files, and variables of the environment for what nobody else sets.</summary>
/// <param name="Files">The files.</param>
/// <param name="Variables">The variables, as NAME=VALUE.</param>
public sealed record ImageContent(IReadOnlyList<ImageFile> Files, IReadOnlyList<string> Variables)
{
    /// <summary>The most variables: the kernel's room for a program's strings is limited.</summary>
    public const int MaximumVariables = 32;

    /// <summary>NAME_MAX of linux/limits.h: the bytes of the longest name.</summary>
    private const int LongestName = 255;

    /// <summary>The program's own name in its directory.</summary>
    private const string ProgramName = "xenlet";

    /// <summary>
    /// Reads a list of lines whose fields are separated by tabs: <c>file</c>, a path in the image and the file that has the content;
    /// <c>variable</c> and NAME=VALUE; <c>zones</c> and the names of time zones, with semicolons between; <c>zone</c> and the name of the
    /// one that is local.
    /// </summary>
    /// <param name="lines">The lines.</param>
    /// <param name="database">The time zones that there are; those of this machine without it.</param>
    /// <returns>The content, the files in the order of their paths.</returns>
    /// <exception cref="InvalidDataException">
    /// A path cannot be, or is there twice; there are too many variables, or no such time zone.
    /// </exception>
    public static ImageContent Read(IEnumerable<string> lines, ZoneDatabase? database = null)
    {
        SortedDictionary<string, string> files = new(StringComparer.Ordinal);
        List<string> variables = [];
        string[] zones = [];
        string local = "";
        foreach (string line in lines)
        {
            switch (line.Split('\t'))
            {
                case ["file", var path, var source]:
                    string checkedPath = Check(path.Replace('\\', '/'));
                    if (!files.TryAdd(checkedPath, source) && files[checkedPath] != source)
                    {
                        throw new InvalidDataException(
                            $"two files are to be {checkedPath} in the image: {files[checkedPath]} and {source}");
                    }

                    break;
                case ["variable", var variable]:
                    variables.Add(variable);
                    break;
                case ["zones", var names]:
                    zones = ZoneDatabase.Split(names);
                    break;
                case ["zone", var name]:
                    local = name;
                    break;
                default:
                    throw new InvalidDataException($"not a line of a list of files: {line}");
            }
        }

        if (variables.Count > MaximumVariables)
        {
            throw new InvalidDataException($"an image has up to {MaximumVariables} variables, and not {variables.Count}");
        }

        foreach (string path in files.Keys)
        {
            string? directory = Parents(path).FirstOrDefault(files.ContainsKey);
            if (directory is not null)
            {
                throw new InvalidDataException($"{directory} is to be a file in the image, and the directory of {path}");
            }
        }

        IEnumerable<ImageFile> ofZones = (database ?? ZoneDatabase.OfMachine).Files(zones, local);
        return new([.. ofZones, .. ReadFiles(files)], variables);
    }

    /// <summary>What the program will not be able to do with the files: warnings for the publish.</summary>
    public IEnumerable<string> Warnings() =>
        from file in Files
        where Path.GetExtension(file.Path).ToLowerInvariant() is ".pfx" or ".p12"
        let algorithm = LegacyEncryption.Find(file.Content)
        where algorithm is not null
        select $"{file.Path}: warning XENLET025: it is encrypted with {algorithm}, which OpenSSL has in its legacy provider, and an image "
            + "has not: loading it fails (digital envelope routines::unsupported). "
            + $"openssl pkcs12 -legacy -in {Path.GetFileName(file.Path)} -nodes | openssl pkcs12 -export -out NEW.pfx writes it anew";

    private static IEnumerable<ImageFile> ReadFiles(SortedDictionary<string, string> sources)
    {
        SortedDictionary<string, byte[]> contents = new(StringComparer.Ordinal);
        foreach ((string path, string source) in sources)
        {
            contents.Add(path, File.ReadAllBytes(source));
        }

        return contents.Select(file => new ImageFile(
            file.Key,
            StaticAssetList.IsAt(file.Key)
                ? StaticAssetList.WithTimesOfImage(file.Value, path => contents.GetValueOrDefault(path))
                : file.Value));
    }

    private static string Check(string path)
    {
        bool isBad = path.Split('/').Any(
            name => name is "" or "." or ".." || System.Text.Encoding.UTF8.GetByteCount(name) > LongestName || name.Contains('\0'));
        return isBad || path == ProgramName ? throw new InvalidDataException($"no file of an image can have the path {path}") : path;
    }

    private static IEnumerable<string> Parents(string path)
    {
        for (int slash = path.IndexOf('/'); slash >= 0; slash = path.IndexOf('/', slash + 1))
        {
            yield return path[..slash];
        }
    }
}
