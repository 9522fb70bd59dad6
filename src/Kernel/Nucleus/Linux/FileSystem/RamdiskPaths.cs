using Xenlet.Kernel.Nucleus.Linux.Tar;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>Paths of a ramdisk's entries: below the directory of the program, and no other way.</summary>
internal static unsafe class RamdiskPaths
{
    /// <summary>Whether a path is one that an entry may have.</summary>
    public static TarProblem Check(in TarPath path, bool isDirectory)
    {
        ulong length = path.Length;
        if (length == 0 || length > RamdiskFiles.MaximumPath)
        {
            return length == 0 ? TarProblem.EmptyName : TarProblem.LongPath;
        }

        if (path[0] == '/')
        {
            return TarProblem.AbsolutePath;
        }

        bool hasSlash = path[length - 1] == '/';
        if (hasSlash && !isDirectory)
        {
            return TarProblem.FileWithSlash;
        }

        ulong end = hasSlash ? length - 1 : length;
        for (ulong at = 0; at <= end;)
        {
            ulong next = EndOfName(in path, at);
            TarProblem problem = CheckName(path.At(at), next - at, isFirst: at == 0);
            if (problem != TarProblem.None)
            {
                return problem;
            }

            at = next + 1;
        }

        return TarProblem.None;
    }

    /// <summary>Goes to the next name of a path that was checked. A '.' at its beginning is none.</summary>
    /// <param name="path">The path.</param>
    /// <param name="at">Where the last name ended; 0 at first.</param>
    /// <param name="name">The name.</param>
    /// <param name="length">Its length.</param>
    /// <param name="isLast">Whether no other follows.</param>
    public static bool TryNext(in TarPath path, ref ulong at, out byte* name, out uint length, out bool isLast)
    {
        if (at == 0 && path[0] == '.' && EndOfName(in path, 0) == 1)
        {
            at = 2;
        }

        name = null;
        length = 0;
        isLast = false;
        if (at >= path.Length)
        {
            return false;
        }

        ulong end = EndOfName(in path, at);
        name = path.At(at);
        length = (uint)(end - at);
        at = end + 1;
        isLast = at >= path.Length;
        return true;
    }

    private static ulong EndOfName(in TarPath path, ulong at)
    {
        while (at < path.Length && path[at] != '/')
        {
            at++;
        }

        return at;
    }

    private static TarProblem CheckName(byte* name, ulong length, bool isFirst)
    {
        if (length == 0)
        {
            return TarProblem.EmptyName;
        }

        if (*name == '.' && (length == 1 || (length == 2 && name[1] == '.')))
        {
            return length == 2 ? TarProblem.ParentDirectory : isFirst ? TarProblem.None : TarProblem.Dot;
        }

        for (ulong i = 0; i < length; i++)
        {
            if (name[i] == 0)
            {
                return TarProblem.ZeroByte;
            }
        }

        return length > NodeNames.NAME_MAX ? TarProblem.LongName : Utf8.IsValid(name, length) ? TarProblem.None : TarProblem.NotUtf8;
    }
}
