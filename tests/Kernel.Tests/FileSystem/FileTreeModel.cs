namespace Xenlet.Kernel.Tests;

/// <summary>What /tmp should be: names with what they stand for. What a call returns here is Linux's.</summary>
internal sealed class FileTreeModel
{
    private readonly Dictionary<string, Node> _nodes = new() { ["/tmp"] = new Node(IsDirectory: true) };

    /// <summary>Everything there is, but /tmp itself.</summary>
    public IEnumerable<KeyValuePair<string, Node>> All => _nodes.Where(entry => entry.Key != "/tmp");

    public Node? Find(string path) => _nodes.GetValueOrDefault(path);

    /// <summary>open with O_CREAT.</summary>
    public long Create(string path, bool isExclusive)
    {
        long error = Parent(path);
        return error != 0 ? error
            : Find(path) is { } node ? isExclusive ? -Errno.EEXIST : node.IsDirectory ? -Errno.EISDIR : 0
            : Add(path, new Node(IsDirectory: false));
    }

    public long MakeDirectory(string path)
    {
        long error = Parent(path);
        return error != 0 ? error : Find(path) is not null ? -Errno.EEXIST : Add(path, new Node(IsDirectory: true));
    }

    public long Remove(string path)
    {
        long error = Existing(path);
        return error != 0 ? error : Find(path)!.IsDirectory ? -Errno.EISDIR : Drop(path);
    }

    public long RemoveDirectory(string path)
    {
        long error = Existing(path);
        return error != 0 ? error
            : !Find(path)!.IsDirectory ? -Errno.ENOTDIR
            : Below(path).Any() ? -Errno.ENOTEMPTY : Drop(path);
    }

    public long Rename(string from, string to)
    {
        long error = Parent(from);
        error = error != 0 ? error : Parent(to);
        if (error != 0 || Find(from) is not { } node)
        {
            return error != 0 ? error : -Errno.ENOENT;
        }

        if (node.IsDirectory && to.StartsWith(from + "/", StringComparison.Ordinal))
        {
            return -Errno.EINVAL;
        }

        if (from == to)
        {
            return 0;
        }

        if (Find(to) is { } replaced)
        {
            if (node.IsDirectory != replaced.IsDirectory)
            {
                return node.IsDirectory ? -Errno.ENOTDIR : -Errno.EISDIR;
            }

            if (Below(to).Any())
            {
                return -Errno.ENOTEMPTY;
            }

            Drop(to);
        }

        foreach (string path in (string[])[from, .. Below(from)])
        {
            _nodes.Remove(path, out Node? moved);
            _nodes[to + path[from.Length..]] = moved!;
        }

        return 0;
    }

    /// <summary>The names in a directory.</summary>
    public IEnumerable<string> Entries(string path) =>
        Below(path).Select(below => below[(path.Length + 1)..]).Where(name => !name.Contains('/'));

    private IEnumerable<string> Below(string path) => _nodes.Keys.Where(each => each.StartsWith(path + "/", StringComparison.Ordinal));

    /// <summary>Whether the directory of a path is there.</summary>
    private long Parent(string path)
    {
        string parent = path[..path.LastIndexOf('/')];
        return parent.Length == 0 ? 0
            : Find(parent) is { } node ? node.IsDirectory ? 0 : -Errno.ENOTDIR
            : Parent(parent) is var error && error != 0 ? error : -Errno.ENOENT;
    }

    private long Existing(string path)
    {
        long error = Parent(path);
        return error != 0 ? error : Find(path) is null ? -Errno.ENOENT : 0;
    }

    private long Add(string path, Node node)
    {
        _nodes[path] = node;
        return 0;
    }

    private long Drop(string path)
    {
        _nodes.Remove(path);
        return 0;
    }

    /// <summary>What a name stands for.</summary>
    /// <param name="IsDirectory">Whether it is a directory, or else a file.</param>
    public sealed record Node(bool IsDirectory)
    {
        /// <summary>A file's content: those of its bytes that are not 0, and its length.</summary>
        public SortedDictionary<long, byte> Bytes { get; } = [];

        public long Length { get; private set; }

        public void Write(long position, ReadOnlySpan<byte> bytes)
        {
            for (int i = 0; i < bytes.Length; i++)
            {
                Bytes[position + i] = bytes[i];
            }

            Length = Math.Max(Length, position + bytes.Length);
        }

        public byte[] Read(long position, int count) =>
        [
            .. Enumerable.Range(0, (int)Math.Clamp(Length - position, 0, count)).Select(i => Bytes.GetValueOrDefault(position + i)),
        ];

        public void SetLength(long length)
        {
            foreach (long behind in Bytes.Keys.Where(position => position >= length).ToArray())
            {
                Bytes.Remove(behind);
            }

            Length = length;
        }
    }
}
