using Iced.Intel;

namespace Xenlet.Nucleus.Tests.Analysis;

/// <summary>Decodes functions.</summary>
internal static class CodeReader
{
    /// <summary>Decodes a whole function; ends with an invalid instruction when its bytes are no code.</summary>
    public static List<Instruction> Decode(CodeImage image, Function function)
    {
        List<Instruction> code = [];
        byte[] bytes = image.Read(function.Address, function.Size).ToArray();
        Decoder decoder = Decoder.Create(64, new ByteArrayCodeReader(bytes), function.Address);
        do
        {
            code.Add(decoder.Decode());
        }
        while (!code[^1].IsInvalid && decoder.IP < function.End);
        return code;
    }
}
