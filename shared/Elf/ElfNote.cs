namespace Xenlet.Elf;

/// <summary>A note (Elf64_Nhdr with what follows it).</summary>
/// <param name="Owner">Who has defined the type.</param>
/// <param name="Type">What the value is.</param>
/// <param name="Value">Its bytes.</param>
internal sealed record ElfNote(string Owner, uint Type, ReadOnlyMemory<byte> Value);
