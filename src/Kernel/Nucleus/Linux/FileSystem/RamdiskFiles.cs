using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Linux.Tar;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>
/// Lays the files of the domain's ramdisk over those of the image: one of the same path takes the place of the image's, others are added.
/// Names and contents stay where the archive has them.
/// </summary>
internal unsafe struct RamdiskFiles
{
    /// <summary>
    /// The most files and directories. All names are looked for among all, and whoever writes the archive may choose names whose hashes
    /// are equal.
    /// </summary>
    public const uint MaximumNodes = 16_384;

    /// <summary>With the directory of the program and a zero byte behind, a path of this length is one that a program can open.</summary>
    public const ulong MaximumPath = 4000;

    private readonly FileNode* _root;
    private uint _made;

    private RamdiskFiles(FileNode* root)
    {
        _root = root;
        _made = 0;
    }

    /// <summary>Adds all files and directories of an archive.</summary>
    /// <param name="root">The directory of the program.</param>
    /// <param name="archive">The archive, which stays where it is for ever.</param>
    /// <param name="length">Its length.</param>
    /// <param name="number">The number of the entry with a problem, from 1 on.</param>
    /// <param name="path">Its path, as far as it is known.</param>
    public static TarProblem Add(FileNode* root, byte* archive, ulong length, out uint number, out TarPath path)
    {
        RamdiskFiles files = new(root);
        TarReader reader = new(archive, length);
        while (true)
        {
            TarProblem problem = reader.Next(out TarEntry entry, out bool isEnd);
            if (problem == TarProblem.None && !isEnd)
            {
                problem = RamdiskPaths.Check(in entry.Path, entry.IsDirectory);
                problem = problem == TarProblem.None ? files.Add(in entry) : problem;
            }

            if (isEnd || problem != TarProblem.None)
            {
                number = reader.Count;
                path = entry.Path;
                return problem;
            }
        }
    }

    private TarProblem Add(in TarEntry entry)
    {
        FileNode* node = _root;
        ulong at = 0;
        while (RamdiskPaths.TryNext(in entry.Path, ref at, out byte* name, out uint length, out bool isLast))
        {
            FileNode* found = FileTree.Find(node, name, length);
            TarProblem problem = isLast
                ? CheckFound(found, entry.IsDirectory)
                : found != null && found->Kind != NodeKind.Directory ? TarProblem.BelowFile : TarProblem.None;
            if (problem != TarProblem.None)
            {
                return problem;
            }

            if (found == null)
            {
                if (_made == MaximumNodes)
                {
                    return TarProblem.TooMany;
                }

                bool isFile = isLast && !entry.IsDirectory;
                found = KnownFiles.TryAdd(
                    node,
                    new ReadOnlySpan<byte>(name, (int)length),
                    isFile ? NodeKind.File : NodeKind.Directory,
                    isFile ? FileStatus.ReadForAll : FileStatus.ReadSearchForAll);
                if (found == null)
                {
                    return TarProblem.NoMemory;
                }

                _made++;
            }

            node = found;
        }

        if (node == _root)
        {
            TarProblem problem = CheckFound(node, entry.IsDirectory);
            if (problem != TarProblem.None)
            {
                return problem;
            }
        }

        node->IsOfRamdisk = true;
        node->Accessed = node->Modified = node->Changed = entry.Modified;
        if (!entry.IsDirectory)
        {
            node->Content = entry.Content;
            node->Length = entry.Length;
        }

        return TarProblem.None;
    }

    /// <summary>Whether an entry can take the place of what has its path.</summary>
    private static TarProblem CheckFound(FileNode* found, bool isDirectory)
    {
        if (found == null)
        {
            return TarProblem.None;
        }

        if (found->Kind == NodeKind.Program)
        {
            return TarProblem.OwnName;
        }

        return found->IsOfRamdisk ? TarProblem.Duplicate
            : isDirectory == (found->Kind == NodeKind.Directory) ? TarProblem.None
            : isDirectory ? TarProblem.FileIsThere : TarProblem.DirectoryIsThere;
    }
}
