using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// A slab allocator: objects of one size, several to a frame. Each frame is charged, and given back with its last object. A slab of zeros
/// is empty.
/// </summary>
internal unsafe struct Slab
{
    // What a frame begins with; the frames that have free objects are a list.
    private struct Header
    {
        public Header* Previous;
        public Header* Next;
        public void** Free;
        public int Used;
    }

    // FXSAVE needs 16 bytes of alignment, and objects follow the header.
    private const int Alignment = 16;
    private const int HeaderSize = 32;

    private Header* _first;

    /// <summary>Objects that <see cref="Take"/> gives without asking for a frame.</summary>
    public int FreeObjects { get; private set; }

    /// <summary>Objects of this size in one frame.</summary>
    public static int PerFrame(int size) => ((int)Pages.Size - HeaderSize) / Aligned(size);

    /// <summary>Makes sure that <see cref="Take"/> can be called this often; false when the memory for it is not there.</summary>
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

    /// <summary>An object filled with zeros. <see cref="TryReserve"/> has made sure that there is one.</summary>
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

    /// <summary>Takes an object back.</summary>
    /// <param name="taken">What <see cref="Take"/> gave.</param>
    /// <param name="size">The size of the slab's objects.</param>
    /// <param name="spare">Free objects that stay in any case, for calls that must not fail for want of a frame.</param>
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
