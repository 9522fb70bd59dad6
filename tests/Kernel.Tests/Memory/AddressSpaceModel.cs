
namespace Xenlet.Kernel.Tests;

/// <summary>What the program's memory should be, page by page and without regions.</summary>
internal sealed class AddressSpaceModel
{
    /// <summary>Pages at the top of a stack that are charged with it.</summary>
    private const int ChargedOfStack = (int)(Stacks.ChargedSize / 4096);

    private readonly SortedDictionary<ulong, Page> _pages = [];

    // Where a call began or ended: a stack is made accessible in the pieces that such calls have left.
    private readonly HashSet<ulong> _borders = [];

    /// <summary>Pages that were promised and have no frame.</summary>
    public ulong Promised => (ulong)_pages.Values.Count(page => page is { IsCharged: true, HasFrame: false });

    public int Frames => _pages.Values.Count(page => page.HasFrame);

    public IEnumerable<KeyValuePair<ulong, Page>> Mapped => _pages;

    /// <summary>Page tables below the root: what charged pages and pages with frames need, and no other.</summary>
    public int Tables => TablesOf(NeedingTables).Count;

    private IEnumerable<ulong> NeedingTables => _pages.Where(pair => pair.Value.IsCharged || pair.Value.HasFrame).Select(pair => pair.Key);

    public Page? At(ulong number) => _pages.GetValueOrDefault(number);

    public bool IsFree(ulong first, ulong count) => !Range(first, count).Any(_pages.ContainsKey);

    public void Map(ulong first, ulong count, Protection protection, bool isStack)
    {
        HashSet<ulong> charged = [.. ChargedByMapping(first, count, protection, isStack)];
        foreach (ulong number in Range(first, count))
        {
            _pages[number] = new Page { Protection = protection, IsStack = isStack, IsCharged = charged.Contains(number) };
            _borders.Remove(number);
        }

        AddBorders(first, count);
    }

    public void Unmap(ulong first, ulong count)
    {
        foreach (ulong number in Range(first, count))
        {
            _pages.Remove(number);
        }

        AddBorders(first, count);
    }

    /// <summary>Frames that must be there for a mapping: its charged pages, and their tables that there are not.</summary>
    public ulong NeededByMapping(ulong first, ulong count, Protection protection, bool isStack) =>
        Needed([.. ChargedByMapping(first, count, protection, isStack)], static _ => true);

    /// <summary>Frames that must be there for a change of protection.</summary>
    public ulong NeededByProtection(ulong first, ulong count, Protection protection) =>
        Needed([.. ChargedByProtection(first, count, protection)], number => !_pages[number].HasFrame);

    public void Protect(ulong first, ulong count, Protection protection)
    {
        foreach (ulong number in (ulong[])[.. ChargedByProtection(first, count, protection)])
        {
            _pages[number].IsCharged = true;
        }

        foreach (ulong number in Range(first, count))
        {
            _pages[number].Protection = protection;
        }

        AddBorders(first, count);
    }

    public void Discard(ulong first, ulong count)
    {
        foreach (ulong number in Range(first, count).Where(_pages.ContainsKey))
        {
            _pages[number].HasFrame = false;
            _pages[number].Content = 0;
        }
    }

    /// <summary>The lowest free addresses from a page on.</summary>
    public ulong FindFree(ulong from, ulong count)
    {
        ulong candidate = from;
        foreach (ulong number in _pages.Keys.Where(number => number >= from))
        {
            if (number - candidate >= count)
            {
                return candidate;
            }

            candidate = number + 1;
        }

        return candidate;
    }

    public TouchResult Touch(ulong number, bool write, bool execute)
    {
        if (At(number) is not { } page)
        {
            return TouchResult.NotMapped;
        }

        bool isWritable = (page.Protection & Protection.Write) != 0;
        bool isExecutable = (page.Protection & Protection.Execute) != 0 && !isWritable;
        if (page.Protection == 0 || (write && !isWritable) || (execute && !isExecutable))
        {
            return TouchResult.Denied;
        }

        page.HasFrame = true;
        return TouchResult.Ready;
    }

    private static IEnumerable<ulong> ChargedByMapping(ulong first, ulong count, Protection protection, bool isStack) =>
        protection == 0 ? [] : isStack ? Range(first, count).TakeLast(ChargedOfStack) : Range(first, count);

    private IEnumerable<ulong> ChargedByProtection(ulong first, ulong count, Protection protection)
    {
        List<ulong> stack = [];
        foreach (ulong number in Range(first, count))
        {
            if (stack.Count > 0 && (_borders.Contains(number) || stack[^1] != number - 1))
            {
                foreach (ulong top in TopOf(stack))
                {
                    yield return top;
                }

                stack.Clear();
            }

            Page page = _pages[number];
            if (protection == 0 || page.IsCharged)
            {
                continue;
            }

            if (!page.IsStack)
            {
                yield return number;
            }
            else if (page.Protection == 0)
            {
                stack.Add(number);
            }
        }

        foreach (ulong top in TopOf(stack))
        {
            yield return top;
        }
    }

    /// <summary>The charge of a piece of a stack: nothing if it lies below a charged one.</summary>
    private IEnumerable<ulong> TopOf(List<ulong> stack) =>
        stack.Count > 0 && At(stack[^1] + 1) is { IsStack: true, IsCharged: true } ? [] : stack.TakeLast(ChargedOfStack);

    private ulong Needed(ulong[] charged, Func<ulong, bool> needsFrame) =>
        (ulong)(charged.Count(needsFrame) + TablesOf(charged).Except(TablesOf(NeedingTables)).Count());

    private static HashSet<(int Level, ulong Number)> TablesOf(IEnumerable<ulong> pages) =>
        [.. pages.SelectMany(page => Enumerable.Range(1, 3).Select(level => (level, page >> (9 * level))))];

    private void AddBorders(ulong first, ulong count) => _borders.UnionWith([first, first + count]);

    private static IEnumerable<ulong> Range(ulong first, ulong count)
    {
        for (ulong number = first; number < first + count; number++)
        {
            yield return number;
        }
    }

    public sealed class Page
    {
        public Protection Protection { get; set; }

        public bool IsStack { get; init; }

        public bool IsCharged { get; set; }

        public bool HasFrame { get; set; }

        public ulong Content { get; set; }
    }
}
