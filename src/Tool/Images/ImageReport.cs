using System.Globalization;
using System.Text;
using Xenlet.Elf;
using Xenlet.Kernel;

namespace Xenlet.Tool.Images;

/// <summary>What <c>xenlet info</c> prints.</summary>
internal static class ImageReport
{
    /// <summary>The text.</summary>
    /// <param name="image">The image.</param>
    /// <param name="list">Its list of components, if there is one.</param>
    public static string Format(ImageFile image, ComponentList? list)
    {
        StringBuilder text = new();
        string missing = $"unknown: there is no {ComponentList.PathBeside(image.Path)}";
        Line($"{image.Path}");
        Line($"  program   {(list is null ? missing : $"{list.Program.Name} {list.Program.Version}")}");
        Line($"  Xenlet    {(list is null ? missing : list.XenletVersion ?? "none")}");
        Line($"  .NET      {(list is null ? missing : list.RuntimeVersion ?? "none")}");
        Line($"  entry     0x{image.Entry:x} (note XEN_ELFNOTE_PHYS32_ENTRY); guest OS {image.GuestOs ?? "not named"}");
        Line($"  build id  {image.BuildId ?? "none"}");
        Line($"  memory    {KiB(image.End - image.Start)} KiB; a domain needs memory={image.LeastMemoryMiB} (MiB) or more");
        Line($"segments");
        foreach (ElfSegment segment in image.Segments)
        {
            Line($"  0x{segment.Address:x8}-0x{segment.End:x8} {KiB(segment.MemorySize),8} KiB  {Rights(segment)}");
        }

        Line($"sizes");
        foreach (ImagePart part in image.Parts)
        {
            Line($"  {KiB(part.Size),8} KiB  {part.Name}");
        }

        Line($"  {KiB((ulong)new FileInfo(image.Path).Length),8} KiB  the file");
        if (image.Contents.Variables.Count > 0)
        {
            Line($"variables, for what the domain's command line does not set");
            foreach (string variable in image.Contents.Variables)
            {
                Line($"  {variable}");
            }
        }

        if (image.Contents.Files.Count > 0)
        {
            Line($"files in /app");
            foreach ((string path, long length) in image.Contents.Files)
            {
                Line($"  {length,12:N0} bytes  {path}");
            }
        }

        if (list is not null)
        {
            Line($"components ({Path.GetFileName(list.Path)})");
            foreach (Component part in list.Components)
            {
                Line($"  {part.Name} {part.Version}");
            }
        }

        return ForeignText.EscapeLines(text.ToString());

        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static ulong KiB(ulong bytes) => (bytes + 1023) / 1024;

    private static string Rights(ElfSegment segment) =>
        $"r{((segment.Flags & ElfSegment.Writable) != 0 ? 'w' : '-')}{((segment.Flags & ElfSegment.Executable) != 0 ? 'x' : '-')}";
}
