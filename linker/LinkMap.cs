namespace Xenlet.Linker;

/// <summary>Reads a link map of GNU ld.</summary>
public static class LinkMap
{
    private const string Members = "Archive member included", Load = "LOAD ", Archive = ".a(", Object = ".o";

    /// <summary>The objects that were linked, and the archives of which at least one member was.</summary>
    /// <param name="map">What ld wrote.</param>
    /// <returns>Each path once, in full.</returns>
    public static IReadOnlyCollection<string> Inputs(TextReader map)
    {
        SortedSet<string> paths = new(StringComparer.Ordinal);
        bool isAmongMembers = false;
        while (map.ReadLine() is { } line)
        {
            if (line is [not ' ', ..])
            {
                int end = line.IndexOf(Archive, StringComparison.Ordinal);
                isAmongMembers = line.StartsWith(Members, StringComparison.Ordinal) || (isAmongMembers && end >= 0);
                if (isAmongMembers && end >= 0)
                {
                    // "PATH.a(MEMBER.o)"
                    paths.Add(Path.GetFullPath(line[..(end + Archive.Length - 1)]));
                }
                else if (line.StartsWith(Load, StringComparison.Ordinal) && line.EndsWith(Object, StringComparison.Ordinal))
                {
                    // An archive is loaded too when none of its members is needed; an object is in the image.
                    paths.Add(Path.GetFullPath(line[Load.Length..]));
                }
            }
        }

        return paths;
    }
}
