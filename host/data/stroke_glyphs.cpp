#include "data/stroke_glyphs.h"

namespace hourglass::strokes {
namespace {

constexpr Point zero_ring[] = {{0.62F, 0.03F}, {0.36F, 0.06F}, {0.13F, 0.34F}, {0.10F, 0.68F},
                               {0.32F, 0.97F}, {0.62F, 0.93F}, {0.86F, 0.62F}, {0.86F, 0.27F},
                               {0.66F, 0.05F}, {0.46F, 0.04F}};
constexpr Stroke zero_strokes[] = {{zero_ring}};
constexpr Glyph zero[] = {zero_strokes};

constexpr Point one_stem[] = {{0.52F, 0.00F}, {0.50F, 0.50F}, {0.48F, 1.00F}};
constexpr Point one_flag[] = {{0.28F, 0.24F}, {0.52F, 0.00F}, {0.49F, 1.00F}};
constexpr Point one_foot[] = {{0.24F, 0.99F}, {0.76F, 0.98F}};
constexpr Stroke one_plain[] = {{one_stem}};
constexpr Stroke one_flagged[] = {{one_flag, false}};
constexpr Stroke one_footed[] = {{one_flag, false}, {one_foot, false}};
constexpr Glyph one[] = {one_plain, one_plain, one_plain, one_flagged, one_footed};

constexpr Point two_hook[] = {{0.12F, 0.26F}, {0.30F, 0.05F}, {0.62F, 0.03F}, {0.80F, 0.24F},
                              {0.68F, 0.52F}, {0.40F, 0.78F}, {0.10F, 0.97F}};
constexpr Point two_foot[] = {{0.10F, 0.97F}, {0.50F, 0.95F}, {0.92F, 0.96F}};
constexpr Point two_loop[] = {{0.14F, 0.20F}, {0.40F, 0.02F}, {0.72F, 0.10F}, {0.74F, 0.40F},
                              {0.46F, 0.78F}, {0.18F, 0.97F}, {0.06F, 0.84F}, {0.26F, 0.76F},
                              {0.56F, 0.92F}, {0.94F, 0.90F}};
constexpr Stroke two_cornered[] = {{two_hook}, {two_foot}};
constexpr Stroke two_looped[] = {{two_loop}};
constexpr Glyph two[] = {two_cornered, two_looped};

constexpr Point three_upper[] = {{0.16F, 0.14F}, {0.42F, 0.01F}, {0.72F, 0.08F},
                                 {0.72F, 0.30F}, {0.50F, 0.44F}, {0.36F, 0.47F}};
constexpr Point three_lower[] = {{0.36F, 0.47F}, {0.68F, 0.52F}, {0.84F, 0.72F},
                                 {0.66F, 0.95F}, {0.34F, 0.99F}, {0.10F, 0.86F}};
constexpr Stroke three_strokes[] = {{three_upper}, {three_lower}};
constexpr Glyph three[] = {three_strokes};

constexpr Point four_left[] = {{0.24F, 0.04F}, {0.14F, 0.30F}, {0.14F, 0.52F}};
constexpr Point four_bar[] = {{0.14F, 0.53F}, {0.45F, 0.53F}, {0.84F, 0.47F}};
constexpr Point four_stem[] = {{0.80F, 0.02F}, {0.74F, 0.45F}, {0.68F, 1.00F}};
constexpr Point four_slope[] = {{0.64F, 0.02F}, {0.08F, 0.64F}, {0.92F, 0.60F}};
constexpr Point four_middle[] = {{0.66F, 0.02F}, {0.65F, 0.50F}, {0.62F, 1.00F}};
constexpr Stroke four_open[] = {{four_left}, {four_bar}, {four_stem}};
constexpr Stroke four_closed[] = {{four_slope, false}, {four_middle}};
constexpr Glyph four[] = {four_open, four_open, four_closed};

constexpr Point five_top[] = {{0.86F, 0.03F}, {0.32F, 0.04F}, {0.24F, 0.42F}};
constexpr Point five_bowl[] = {{0.24F, 0.42F}, {0.50F, 0.38F}, {0.78F, 0.54F},
                               {0.76F, 0.82F}, {0.48F, 0.98F}, {0.12F, 0.90F}};
constexpr Stroke five_strokes[] = {{five_top, false}, {five_bowl}};
constexpr Glyph five[] = {five_strokes};

constexpr Point six_curl[] = {{0.66F, 0.00F}, {0.36F, 0.24F}, {0.17F, 0.60F}, {0.24F, 0.90F},
                              {0.50F, 0.99F}, {0.76F, 0.84F}, {0.74F, 0.60F}, {0.50F, 0.53F},
                              {0.28F, 0.66F}, {0.20F, 0.82F}};
constexpr Stroke six_strokes[] = {{six_curl}};
constexpr Glyph six[] = {six_strokes};

constexpr Point seven_top[] = {{0.10F, 0.10F}, {0.46F, 0.07F}, {0.86F, 0.06F}};
constexpr Point seven_leg[] = {{0.86F, 0.06F}, {0.66F, 0.42F}, {0.50F, 0.70F}, {0.42F, 1.00F}};
constexpr Point seven_bar[] = {{0.36F, 0.52F}, {0.80F, 0.48F}};
constexpr Stroke seven_plain[] = {{seven_top}, {seven_leg}};
constexpr Stroke seven_barred[] = {{seven_top}, {seven_leg}, {seven_bar, false}};
constexpr Glyph seven[] = {seven_plain, seven_plain, seven_plain, seven_barred};

constexpr Point eight_loops[] = {{0.76F, 0.16F}, {0.54F, 0.01F}, {0.28F, 0.10F}, {0.28F, 0.32F},
                                 {0.52F, 0.49F}, {0.74F, 0.68F}, {0.70F, 0.92F}, {0.44F, 1.00F},
                                 {0.22F, 0.84F}, {0.34F, 0.62F}, {0.58F, 0.44F}, {0.78F, 0.26F},
                                 {0.74F, 0.12F}};
constexpr Stroke eight_strokes[] = {{eight_loops}};
constexpr Glyph eight[] = {eight_strokes};

constexpr Point nine_ring[] = {{0.78F, 0.16F}, {0.54F, 0.01F}, {0.28F, 0.12F}, {0.22F, 0.36F},
                               {0.42F, 0.50F}, {0.66F, 0.38F}, {0.78F, 0.16F}};
constexpr Point nine_stem[] = {{0.78F, 0.14F}, {0.74F, 0.50F}, {0.64F, 1.00F}};
constexpr Point nine_tail[] = {{0.78F, 0.14F}, {0.76F, 0.60F}, {0.58F, 0.94F}, {0.24F, 0.96F}};
constexpr Stroke nine_straight[] = {{nine_ring}, {nine_stem}};
constexpr Stroke nine_tailed[] = {{nine_ring}, {nine_tail}};
constexpr Glyph nine[] = {nine_straight, nine_straight, nine_tailed};

constexpr std::array<std::span<const Glyph>, 10> all{zero, one, two,   three, four,
                                                     five, six, seven, eight, nine};

}  // namespace

std::span<const Glyph> glyphs(int digit) { return all[static_cast<std::size_t>(digit)]; }

}  // namespace hourglass::strokes
