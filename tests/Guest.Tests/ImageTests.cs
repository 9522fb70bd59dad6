using System.Buffers.Binary;

namespace Xenlet.Guest.Tests;

/// <summary>What Xen's loader finds in a linked image.</summary>
public class ImageTests
{
    /// <summary>XEN_ELFNOTE_PHYS32_ENTRY of Xen's public/elfnote.h.</summary>
    private const uint Phys32Entry = 18;

    private const ulong LinkAddress = 0x200000;
    private const ulong PageSize = 4096;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_entry_note_lies_in_the_first_segment_and_names_code(bool hello)
    {
        ElfImage image = await OpenAsync(hello);
        ElfNote note = Assert.Single(image.Notes(), note => note.Owner == "Xen" && note.Type == Phys32Entry);
        Assert.InRange(note.FileOffset, image.Loads[0].Offset, image.Loads[0].Offset + image.Loads[0].FileSize - 1);
        uint entry = BinaryPrimitives.ReadUInt32LittleEndian(note.Content);
        Segment code = Assert.Single(image.Loads, load => entry >= load.Address && entry < load.Address + load.FileSize);
        Assert.NotEqual(0u, code.Flags & Segment.Executable);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_segment_is_both_writable_and_executable_and_no_two_share_a_page(bool hello)
    {
        ElfImage image = await OpenAsync(hello);
        Assert.All(image.Loads, load => Assert.NotEqual(Segment.Executable | Segment.Writable, load.Flags & (Segment.Executable | Segment.Writable)));
        Assert.Contains(image.Loads, load => (load.Flags & Segment.Executable) != 0);
        Assert.Contains(image.Loads, load => (load.Flags & Segment.Writable) != 0);
        Segment[] ordered = [.. image.Loads.OrderBy(load => load.Address)];
        for (int i = 1; i < ordered.Length; i++)
        {
            Assert.True(ordered[i - 1].End <= ordered[i].Address / PageSize * PageSize, $"{ordered[i - 1]} and {ordered[i]} share a page");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_image_is_loaded_at_2_MiB_where_it_is_linked_and_needs_no_other_file(bool hello)
    {
        ElfImage image = await OpenAsync(hello);
        Assert.Equal(LinkAddress, image.Loads.Min(load => load.Address));
        Assert.All(image.Loads, load => Assert.Equal(load.Address, load.PhysicalAddress));
        Assert.DoesNotContain(image.Segments, segment => segment.Type is Segment.Dynamic or Segment.Interpreter);
    }

    private static async Task<ElfImage> OpenAsync(bool hello) => new(hello ? await Images.Hello : await Images.Cases);
}
