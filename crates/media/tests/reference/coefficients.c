/* The reference for tests/jpeg_coefficients.rs: reads file names from standard input, one a line, and prints for each
 *   STATUS HASH WARNINGS PATH
 * where STATUS is ok or error and HASH is the 64-bit FNV-1a of every component in turn: blocks across, blocks down (32-bit little
 * endian), then the quantised coefficients of its own blocks, row-major within a block, 16-bit little endian.
 */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

struct escape {
    struct jpeg_error_mgr manager;
    jmp_buf out;
};

static void leave(j_common_ptr cinfo) { longjmp(((struct escape *)cinfo->err)->out, 1); }

static void silent(j_common_ptr cinfo) { (void)cinfo; }

static uint64_t hash;

static void add(uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        hash = (hash ^ (value & 255)) * 1099511628211ULL;
        value >>= 8;
    }
}

int main(void) {
    char path[8192];
    while (fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = 0;
        struct jpeg_decompress_struct cinfo;
        struct escape error;
        FILE *volatile file = fopen(path, "rb");
        hash = 14695981039346656037ULL;
        if (!file) {
            printf("error 0 0 %s\n", path);
            continue;
        }
        cinfo.err = jpeg_std_error(&error.manager);
        error.manager.error_exit = leave;
        error.manager.output_message = silent;
        if (setjmp(error.out)) {
            printf("error 0 0 %s\n", path);
        } else {
            jpeg_create_decompress(&cinfo);
            jpeg_stdio_src(&cinfo, file);
            jpeg_read_header(&cinfo, TRUE);
            jvirt_barray_ptr *arrays = jpeg_read_coefficients(&cinfo);
            for (int c = 0; c < cinfo.num_components; c++) {
                jpeg_component_info *component = &cinfo.comp_info[c];
                add(component->width_in_blocks, 4);
                add(component->height_in_blocks, 4);
                for (JDIMENSION row = 0; row < component->height_in_blocks; row++) {
                    JBLOCKARRAY blocks = cinfo.mem->access_virt_barray((j_common_ptr)&cinfo, arrays[c], row, 1, FALSE);
                    for (JDIMENSION column = 0; column < component->width_in_blocks; column++)
                        for (int k = 0; k < DCTSIZE2; k++)
                            add((uint16_t)blocks[0][column][k], 2);
                }
            }
            jpeg_finish_decompress(&cinfo);
            printf("ok %016llx %ld %s\n", (unsigned long long)hash, error.manager.num_warnings, path);
        }
        jpeg_destroy_decompress(&cinfo);
        fclose(file);
    }
    return 0;
}
