using System.Globalization;
using System.Text;

namespace Xenlet.QemuXen.Image;

/// <summary>
/// Writes an archive in the "newc" format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst), which the kernel unpacks as
/// its initramfs. Every entry's owner is root and its time 0, so equal input gives equal bytes.
/// </summary>
internal sealed class CpioWriter : IDisposable
{
    private const int TypeDirectory = 0x4000;
    private const int TypeCharacterDevice = 0x2000;
    private const int TypeFile = 0x8000;
    private const int TypeSymbolicLink = 0xA000;
    private const string TrailerName = "TRAILER!!!";

    private readonly Stream _output;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private long _written;
    private uint _inode;
    private bool _hasEnded;

    /// <summary>Starts an archive on <paramref name="output"/>, which stays open and belongs to the caller.</summary>
    public CpioWriter(Stream output) => _output = output;

    /// <summary>Adds a directory and every missing directory above it.</summary>
    public void AddDirectory(string path) => Add(path, TypeDirectory | 0x1ED, []);

    /// <summary>Adds a regular file. Missing directories above it are added first.</summary>
    /// <param name="path">Path inside the archive, without a leading slash.</param>
    /// <param name="content">The bytes of the file.</param>
    /// <param name="executable">Whether the mode is 0755 instead of 0644.</param>
    public void AddFile(string path, ReadOnlySpan<byte> content, bool executable = false) =>
        Add(path, TypeFile | (executable ? 0x1ED : 0x1A4), content);

    /// <summary>
    /// Adds a symbolic link to <paramref name="target"/>.
    /// </summary>
    public void AddLink(string path, string target) => Add(path, TypeSymbolicLink | 0x1FF, Encoding.UTF8.GetBytes(target));

    /// <summary>Adds a character device node with mode 0600.</summary>
    public void AddCharacterDevice(string path, uint major, uint minor) => Add(path, TypeCharacterDevice | 0x180, [], major, minor);

    /// <summary>Writes the trailer; nothing can be added after it.</summary>
    public void Dispose()
    {
        if (!_hasEnded)
        {
            _hasEnded = true;
            WriteEntry(TrailerName, 0, [], 0, 0);
        }
    }

    private void Add(string path, int mode, ReadOnlySpan<byte> content, uint major = 0, uint minor = 0)
    {
        ObjectDisposedException.ThrowIf(_hasEnded, this);
        string name = path.Trim('/');
        if (name.Length == 0 || name == TrailerName)
        {
            throw new ArgumentException($"'{path}' cannot be the name of an archive entry.", nameof(path));
        }

        if (!_names.Add(name))
        {
            if (mode == (TypeDirectory | 0x1ED))
            {
                return;
            }

            throw new InvalidOperationException($"The archive already has an entry '{name}'.");
        }

        int slash = name.LastIndexOf('/');
        if (slash > 0)
        {
            AddDirectory(name[..slash]);
        }

        WriteEntry(name, mode, content, major, minor);
    }

    private void WriteEntry(string name, int mode, ReadOnlySpan<byte> content, uint major, uint minor)
    {
        byte[] nameBytes = Encoding.UTF8.GetBytes(name);
        uint inode = mode == 0 ? 0 : ++_inode;
        uint links = (mode & 0xF000) == TypeDirectory ? 2u : 1u;
        StringBuilder header = new StringBuilder(110).Append("070701");
        ReadOnlySpan<uint> fields =
        [
            inode, (uint)mode, 0, 0, links, 0, (uint)content.Length, 0, 0, major, minor, (uint)nameBytes.Length + 1, 0,
        ];
        foreach (uint field in fields)
        {
            header.Append(CultureInfo.InvariantCulture, $"{field:X8}");
        }

        Write(Encoding.ASCII.GetBytes(header.ToString()));
        Write(nameBytes);
        Write([0]);
        Pad();
        Write(content);
        Pad();
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _output.Write(bytes);
        _written += bytes.Length;
    }

    private void Pad()
    {
        ReadOnlySpan<byte> zeros = [0, 0, 0];
        Write(zeros[..(int)(-_written & 3)]);
    }
}
