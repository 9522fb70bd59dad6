using Xenlet.Kernel.Nucleus;

namespace Xenlet.Kernel.Tests;

/// <summary>What the program's memory should be, page by page and without regions.</summary>
internal sealed class AddressSpaceModel
{
    private readonly SortedDictionary<ulong, Page> _pages = [];

    /// <summary>Pages that were promised and have no frame.</summary>
    public ulong Promised => (ulong)_pages.Values.Count(page => page is { IsCharged: true, HasFrame: false });

    public int Frames => _pages.Values.Count(page => page.HasFrame);

    public IEnumerable<KeyValuePair<ulong, Page>> Mapped => _pages;

    public Page? At(ulong number) => _pages.GetValueOrDefault(number);

    public bool IsFree(ulong first, ulong count) => !Range(first, count).Any(_pages.ContainsKey);

    public void Map(ulong first, ulong count, Protection protection, bool isStack)
    {
        foreach (ulong number in Range(first, count))
        {
            _pages[number] = new Page { Protection = protection, IsStack = isStack, IsCharged = protection != 0 && !isStack };
        }
    }

    public void Unmap(ulong first, ulong count)
    {
        foreach (ulong number in Range(first, count))
        {
            _pages.Remove(number);
        }
    }

    /// <summary>Pages that a change of protection newly promises.</summary>
    public ulong NewlyPromised(ulong first, ulong count, Protection protection) =>
        protection == 0 ? 0 : (ulong)Range(first, count).Count(number => !_pages[number].IsCharged && !_pages[number].IsStack);

    public void Protect(ulong first, ulong count, Protection protection)
    {
        foreach (ulong number in Range(first, count))
        {
            Page page = _pages[number];
            page.Protection = protection;
            page.IsCharged |= protection != 0 && !page.IsStack;
        }
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

    private static IEnumerable<ulong> Range(ulong first, ulong count)
    {
        for (ulong number = first; number < first + count; number++)
        {
            yield return number;
        }
    }

    internal sealed class Page
    {
        public Protection Protection { get; set; }

        public bool IsStack { get; init; }

        public bool IsCharged { get; set; }

        public bool HasFrame { get; set; }

        public ulong Content { get; set; }
    }
}
