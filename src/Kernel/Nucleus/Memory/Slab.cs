using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// A slab allocator for objects of one size, several to a frame. Each frame is charged, and freed with its last object. A zeroed slab is an
/// empty one.
/// </summary>
internal unsafe struct Slab
{
    // The header at the start of each frame. Frames with free objects form a list.
    private struct Header
    {
        public Header* Previous;
        public Header* Next;
        public void** Free;
        public int Used;
    }

    // FXSAVE requires 16-byte alignment, and the objects follow the header.
    private const int Alignment = 16;
    private const int HeaderSize = 32;

    private Header* _first;

    /// <summary>The number of objects that <see cref="Take"/> can return without taking a frame.</summary>
    public int FreeObjects { get; private set; }

    /// <summary>The number of objects of this size in one frame.</summary>
    public static int PerFrame(int size) => ((int)Pages.Size - HeaderSize) / Aligned(size);

    /// <summary>Ensures that <see cref="Take"/> can be called this many times. Returns false if there is not enough memory.</summary>
    public bool TryReserve(int objects, int size)
    {
        while (FreeObjects < objects)
        {
            ulong frame = MemoryCharge.AllocateForNucleus();
            if (frame == 0)
            {
                return false;
            }

            Header* header = (Header*)DirectMap.Bytes(frame);
            for (int i = 0; i < PerFrame(size); i++)
            {
                Link(header, (byte*)header + HeaderSize + (i * Aligned(size)));
            }

            Insert(header);
        }

        return true;
    }

    /// <summary>Returns an object filled with zeros. <see cref="TryReserve"/> has ensured that there is one.</summary>
    public void* Take(int size)
    {
        Header* header = _first;
        void** taken = header->Free;
        header->Free = (void**)*taken;
        header->Used++;
        FreeObjects--;
        if (header->Free == null)
        {
            Unlink(header);
        }

        Machine.Fill(taken, 0, (nuint)size);
        return taken;
    }

    /// <summary>Frees an object.</summary>
    /// <param name="taken">An object that <see cref="Take"/> returned.</param>
    /// <param name="size">The size of the slab's objects.</param>
    /// <param name="spare">The number of free objects to keep in any case, for calls that must not fail for lack of a frame.</param>
    public void Return(void* taken, int size, int spare)
    {
        Header* header = (Header*)((ulong)taken & ~(Pages.Size - 1));
        bool wasFull = header->Free == null;
        Link(header, taken);
        header->Used--;
        if (wasFull)
        {
            Insert(header);
        }

        if (header->Used == 0 && FreeObjects - PerFrame(size) >= spare)
        {
            Unlink(header);
            FreeObjects -= PerFrame(size);
            FrameAllocator.FreeForNucleus(DirectMap.PhysicalOf(header));
        }
    }

    private static int Aligned(int size) => (size + Alignment - 1) & ~(Alignment - 1);

    private void Link(Header* header, void* free)
    {
        *(void**)free = header->Free;
        header->Free = (void**)free;
        FreeObjects++;
    }

    private void Insert(Header* header)
    {
        header->Previous = null;
        header->Next = _first;
        if (_first != null)
        {
            _first->Previous = header;
        }

        _first = header;
    }

    private void Unlink(Header* header)
    {
        if (header->Previous == null)
        {
            _first = header->Next;
        }
        else
        {
            header->Previous->Next = header->Next;
        }

        if (header->Next != null)
        {
            header->Next->Previous = header->Previous;
        }
    }
}
