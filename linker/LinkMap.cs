namespace Xenlet.Linker;

/// <summary>Reads a link map of GNU ld.</summary>
public static class LinkMap
{
    private const string Members = "Archive member included", Load = "LOAD ", Archive = ".a(", Object = ".o";

    /// <summary>Returns the linked objects, and the archives of which at least one member was linked.</summary>
    /// <param name="map">The map that ld wrote.</param>
    /// <returns>Each full path once.</returns>
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
                    // ld also loads archives of which it needs no member. An object that it loads is in the image.
                    paths.Add(Path.GetFullPath(line[Load.Length..]));
                }
            }
        }

        return paths;
    }
}
