using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// The pages of a file in /tmp: a tree of tables of 512 entries, as high as the highest page needs. A page that was never written is not
/// there and reads as zeros. A zeroed structure is an empty file's.
/// </summary>
internal unsafe struct FilePages
{
    /// <summary>The longest file: 16 TiB, all that four levels of tables reach and more than there is memory for.</summary>
    public const ulong MaximumLength = 1UL << 44;

    private const int Entries = 512;
    private const int BitsPerLevel = 9;

    // Physical address of the topmost table, or of the only page.
    private ulong _root;
    private int _height;

    /// <summary>Pages and tables in use.</summary>
    public ulong Count { get; private set; }

    /// <summary>The physical address of a page, or 0 if there is none.</summary>
    public readonly ulong Find(ulong index)
    {
        if (index >> (BitsPerLevel * _height) != 0)
        {
            return 0;
        }

        ulong frame = _root;
        for (int level = _height; level > 0 && frame != 0; level--)
        {
            frame = *Slot(frame, index, level);
        }

        return frame;
    }

    /// <summary>The physical address of a page, which is made if it is missing; 0 if there is no room for it.</summary>
    public ulong FindOrAdd(ulong index)
    {
        while (index >> (BitsPerLevel * _height) != 0)
        {
            if (_root != 0)
            {
                ulong table = Take();
                if (table == 0)
                {
                    return 0;
                }

                *DirectMap.Words(table) = _root;
                _root = table;
            }

            _height++;
        }

        if (_root == 0)
        {
            _root = Take();
        }

        ulong frame = _root;
        for (int level = _height; level > 0 && frame != 0; level--)
        {
            ulong* slot = Slot(frame, index, level);
            if (*slot == 0)
            {
                *slot = Take();
            }

            frame = *slot;
        }

        return frame;
    }

    /// <summary>Frees all pages from this one on.</summary>
    public void Truncate(ulong count)
    {
        if (_root != 0 && (count >> (BitsPerLevel * _height)) == 0 && TryFree(_root, _height, count))
        {
            _root = 0;
            _height = 0;
        }
    }

    private static ulong* Slot(ulong table, ulong index, int level) =>
        DirectMap.Words(table) + ((index >> (BitsPerLevel * (level - 1))) & (Entries - 1));

    /// <summary>Frees the pages of a table from one on, and the table if it is empty then.</summary>
    /// <returns>Whether nothing is left of it.</returns>
    private bool TryFree(ulong frame, int level, ulong from)
    {
        if (level > 0)
        {
            ulong span = 1UL << (BitsPerLevel * (level - 1));
            bool isEmpty = true;
            for (ulong i = 0; i < Entries; i++)
            {
                ulong* slot = DirectMap.Words(frame) + i;
                if (*slot == 0)
                {
                    continue;
                }

                ulong start = i * span;
                if (start + span > from && TryFree(*slot, level - 1, from > start ? from - start : 0))
                {
                    *slot = 0;
                }
                else
                {
                    isEmpty = false;
                }
            }

            if (!isEmpty)
            {
                return false;
            }
        }

        FrameAllocator.FreeForFile(frame);
        Count--;
        return true;
    }

    private ulong Take()
    {
        ulong frame = FileRoom.HasRoom(Pages.Size) ? MemoryCharge.AllocateForFile() : 0;
        Count += frame != 0 ? 1UL : 0;
        return frame;
    }
}
